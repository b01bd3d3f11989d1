//! No descriptor outlives its link. Included by a test of its own, for it counts the descriptors of
//! the whole process.

#[allow(dead_code, reason = "the suite uses all of it")]
mod bench;
#[allow(dead_code, reason = "the suite uses all of it")]
mod probe;

use bench::{Bench, unused_ipc};
use probe::Event;

fn descriptors() -> Option<usize> {
    std::fs::read_dir("/proc/self/fd").ok().map(Iterator::count)
}

/// Each way for a link to end, a thousand times in all, over both kinds of socket.
#[test]
fn no_descriptor_is_left_behind() {
    let mut bench = Bench::new();
    let kinds = [
        bench.listening("tcp://127.0.0.1:0"),
        bench.listening("tcp://localhost:0"),
        bench.listening(&unused_ipc().1),
    ];
    let mut before = None;
    for round in 0..1000 {
        if round == 10 {
            before = descriptors(); // by now all that is made once has been made
        }
        let (listener, endpoint) = &kinds[round % kinds.len()];
        let (one, other) = bench.connected(*listener, endpoint);
        bench.read(other, 10);
        bench.close(one);
        assert_eq!(bench.next(), Event::Closed(other, None));
        if round % 2 == 0 {
            bench.close(other); // of no use by now, and no harm
        }
        let given_up = bench.connect(endpoint);
        bench.close(given_up);
        let accepted = bench.accept(*listener);
        bench.close(accepted);
        if round % 100 == 0 {
            drain(&mut bench, *listener);
        }
    }
    for (listener, _) in kinds.clone() {
        drain(&mut bench, listener);
    }
    assert_eq!(descriptors(), before);
}
