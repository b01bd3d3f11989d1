//! I7: heartbeats (ZMTP 3.1, RFC 37). Ten intervals and more of silence harm neither the link nor the
//! message behind them.

use std::thread;
use std::time::Duration;

use mongrel2_transceiver::socket::Heartbeat;

use crate::adapter::Adapter;
use crate::pair::{Kinds, Pair};
use crate::way::Way;

both_adapters! {
    i7_heartbeats_of_libzmq, i7_our_heartbeats, i7_heartbeats_of_both,
}

const INTERVAL: Duration = Duration::from_millis(100);
/// Less than the silence, so that an answer left out ends the link; much for a busy machine.
const TIMEOUT: Duration = Duration::from_millis(1000);
const SILENCE: Duration = Duration::from_millis(1500);

fn i7_heartbeats_of_libzmq<A: Adapter>() {
    silence_harms_nobody::<A>(false, true);
}

fn i7_our_heartbeats<A: Adapter>() {
    silence_harms_nobody::<A>(true, false);
}

fn i7_heartbeats_of_both<A: Adapter>() {
    silence_harms_nobody::<A>(true, true);
}

/// All patterns at once, since there is little to do but to wait.
fn silence_harms_nobody<A: Adapter>(our_heartbeats: bool, their_heartbeats: bool) {
    let threads = Kinds::ALL.into_iter().flat_map(|kinds| {
        // Each side binds once.
        [Way::ALL[0], Way::ALL[3]].map(|way| {
            thread::spawn(move || {
                let mut pair = pair::<A>(kinds, way, our_heartbeats, their_heartbeats);
                pair.exchange("before");
                pair.ours.expect_silence(SILENCE);
                pair.exchange("after");
            })
        })
    });
    let threads: Vec<_> = threads.collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

fn pair<A: Adapter>(kinds: Kinds, way: Way, ours: bool, theirs: bool) -> Pair<A> {
    let socket = kinds.new_ours(|config| {
        config.heartbeat = ours.then_some(Heartbeat { interval: INTERVAL, timeout: TIMEOUT });
    });
    let their_socket = kinds.new_theirs();
    if theirs {
        let milliseconds = |time: Duration| i32::try_from(time.as_millis()).unwrap();
        let options = their_socket.socket();
        options.set_heartbeat_ivl(milliseconds(INTERVAL)).unwrap();
        options.set_heartbeat_timeout(milliseconds(TIMEOUT)).unwrap();
        options.set_heartbeat_ttl(milliseconds(TIMEOUT)).unwrap();
    }
    Pair::of(kinds, socket, their_socket, way)
}
