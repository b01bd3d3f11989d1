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
    let kinds = ["tcp://127.0.0.1:0", "tcp://localhost:0", &unused_ipc().1];
    let mut before = None;
    for round in 0..1000 {
        if round == 10 {
            bench.settle();
            before = descriptors(); // by now all that is made once has been made
        }
        one_round(&mut bench, kinds[round % kinds.len()], round);
    }
    bench.settle();
    // A look-up that was given up may still be under way, and has a file open.
    assert!(descriptors() <= before.map(|count| count + 10), "{:?} of {before:?}", descriptors());
}

fn one_round(bench: &mut Bench, endpoint: &str, round: usize) {
    let (listener, endpoint) = bench.listening(endpoint);
    let (one, other) = bench.connected(listener, &endpoint);
    let given_up = bench.connect(&endpoint);
    bench.close(given_up);
    if round % 2 == 0 {
        bench.close(other);
    } else {
        bench.read(other, 10);
    }
    bench.close(one);
    if round % 2 == 1 {
        bench.wait(&Event::Closed(other, None));
    }
    let last = bench.accept(listener); // may find the stream that was given up
    bench.unlisten(listener);
    bench.close(last);
}
