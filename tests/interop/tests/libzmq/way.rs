//! The ways in which two sockets meet.

use std::env;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use interop::port;

use crate::adapter::Adapter;
use crate::ours::Ours;
use crate::theirs::Theirs;

/// Who binds, and over what. `Debug` tells it in a failure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) we_bind: bool,
    pub(crate) transport: Transport,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Transport {
    Tcp,
    Ipc,
}

impl Way {
    /// Every one of them.
    pub(crate) const ALL: [Self; 4] = [
        Self { we_bind: true, transport: Transport::Tcp },
        Self { we_bind: true, transport: Transport::Ipc },
        Self { we_bind: false, transport: Transport::Tcp },
        Self { we_bind: false, transport: Transport::Ipc },
    ];

    /// Binds one and connects the other. Returns where.
    pub(crate) fn join<A: Adapter>(self, ours: &mut Ours<A>, theirs: &Theirs) -> String {
        interop::process::report("way", &format!("{self:?}"));
        let address = self.transport.address();
        if self.we_bind {
            ours.bind(&address);
            theirs.connect(&address);
        } else {
            theirs.bind(&address);
            ours.connect(&address);
        }
        address
    }

    /// Lets another socket of libzmq take its predecessor's place.
    #[track_caller]
    pub(crate) fn join_again(self, theirs: &Theirs, address: &str) {
        if self.we_bind {
            theirs.connect(address);
        } else {
            theirs.bind(address);
        }
    }
}

impl Transport {
    /// An address that nobody uses.
    pub(crate) fn address(self) -> String {
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        match self {
            Self::Tcp => format!("tcp://127.0.0.1:{}", port::free()),
            Self::Ipc => {
                let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
                let name = format!("interop-libzmq-{}-{serial}", process::id());
                format!("ipc://{}", env::temp_dir().join(name).display())
            }
        }
    }
}
