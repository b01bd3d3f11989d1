//! The network itself: its time, its tasks, its faults, and what it says when nothing goes on.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "all of this is a test, helpers included"
)]

#[allow(dead_code, reason = "the suite uses all of it")]
#[path = "../../suite/probe.rs"]
mod probe;

use std::future::{pending, poll_fn};
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_lite::future::{or, yield_now};
use mongrel2_transceiver::{Endpoint, LinkId, ListenerId, Output};
use mongrel2_transceiver_memory::wires::Shape;
use mongrel2_transceiver_memory::{Driver, Network, Stuck};
use probe::{Ask, Event, Probe, octets};

const HOUR: Duration = Duration::from_secs(3600);

fn endpoint() -> Endpoint {
    "tcp://127.0.0.1:7".parse().unwrap()
}

fn link(serial: u64) -> LinkId {
    LinkId::new(7, serial)
}

/// Two drivers: the first has connected to the second, each by its link 1.
fn pair(network: &Network) -> [Driver<Probe>; 2] {
    let mut two = [(); 2].map(|()| Driver::new(network, Probe::default()).unwrap());
    let [one, other] = &mut two;
    let listener = ListenerId::new(7, 1);
    perform(other, Output::Listen { listener, endpoint: endpoint() });
    perform(other, Output::Accept { listener, link: link(1) });
    assert_eq!(network.run(other.next_event()), Event::Listening(listener, 7));
    perform(one, Output::Connect { link: link(1), endpoint: endpoint() });
    assert_eq!(network.run(one.next_event()), Event::Opened(link(1)));
    assert_eq!(network.run(other.next_event()), Event::Opened(link(1)));
    two
}

fn perform(driver: &mut Driver<Probe>, output: Output) {
    driver.submit(Ask::Perform(output)).unwrap();
}

fn reads(driver: &mut Driver<Probe>) {
    perform(driver, Output::Read { link: link(1), max: 100 });
}

/// What the driver says next within an hour.
fn says(network: &Network, driver: &mut Driver<Probe>) -> Option<Event> {
    let silence = async {
        network.sleep(HOUR).await;
        None
    };
    network.run(or(async { Some(driver.next_event().await) }, silence))
}

#[test]
fn an_hour_of_waiting_takes_no_time() {
    let (network, start) = (Network::new(1), Instant::now());
    let before = network.now();
    network.run(network.sleep(HOUR));
    assert_eq!((network.elapsed(), network.now() - before), (HOUR, HOUR));
    network.run_for(HOUR * 1000);
    assert_eq!(network.elapsed(), HOUR * 1001);
    assert!(start.elapsed() < HOUR);
}

#[test]
fn tasks_take_turns_by_their_time() {
    let network = Network::new(1);
    let sleeper = |hours: u32| {
        let clock = network.clone();
        network.spawn(async move {
            clock.sleep(HOUR * hours).await;
            clock.elapsed()
        })
    };
    let [late, early] = [sleeper(2), sleeper(1)];
    assert!(!early.is_finished());
    assert_eq!(network.run(early), HOUR);
    assert!(!late.is_finished());
    assert_eq!(network.run(late), HOUR * 2);
}

#[test]
fn who_waits_for_each_other_is_told() {
    let network = Network::new(1);
    let [mut one, _other] = pair(&network);
    network.spawn(pending::<()>());
    let stuck = network.try_run(one.next_event()).unwrap_err();
    let text = stuck.to_string();
    for part in ["wait for each other", "given to `run`", "the task spawned at", "network.rs:"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.contains("a Probe, driven at"), "{text}");
    assert_eq!(text.matches("Probe").count(), 1, "only one of them waits for an event: {text}");
}

#[test]
#[should_panic(expected = "all of these wait for each other")]
fn a_run_that_can_never_end_panics() {
    Network::new(1).run(pending::<()>());
}

#[test]
fn who_spins_is_told() {
    let network = Network::new(1);
    let task = network.spawn(async {
        loop {
            yield_now().await;
        }
    });
    let stuck = network.try_run(network.sleep(HOUR)).unwrap_err();
    let Stuck::Spinning { spinning, .. } = &stuck else { panic!("{stuck}") };
    assert!(spinning.len() == 1 && spinning[0].contains("network.rs:"), "{stuck}");
    task.cancel();
    network.run(network.sleep(HOUR));
}

/// An application that always finds another event never returns from its own loop.
#[test]
fn a_driver_that_spins_is_told() {
    let network = Network::new(1);
    let mut driver = Driver::new(&network, Probe::default()).unwrap();
    let spinning = async {
        for _ in 0..100_000_000_u64 {
            driver.submit(Ask::Alarm(Duration::ZERO)).unwrap();
            driver.next_event().await;
        }
    };
    let stuck = network.try_run(spinning).unwrap_err();
    assert!(stuck.to_string().contains("a Probe, driven at"), "{stuck}");
}

#[test]
fn patience_has_an_end() {
    let network = Network::new(1);
    let clock = network.clone();
    let _heartbeat = network.spawn(async move {
        loop {
            clock.sleep(HOUR).await;
        }
    });
    network.set_patience(HOUR * 3);
    let stuck = network.try_run(pending::<()>()).unwrap_err();
    assert!(matches!(stuck, Stuck::TooLate { .. }), "{stuck}");
    assert_eq!(network.elapsed(), HOUR * 3);
}

#[test]
#[should_panic(expected = "await the future instead")]
fn a_run_within_a_run_is_refused() {
    let network = Network::new(1);
    network.run(async { network.run(network.sleep(HOUR)) });
}

#[test]
#[should_panic(expected = "as a task may")]
fn a_panic_of_a_task_comes_out_of_the_run() {
    let network = Network::new(1);
    network.spawn(async { panic!("as a task may") });
    network.run(network.sleep(HOUR));
}

#[test]
fn a_task_that_is_cancelled_drops_what_it_has() {
    let network = Network::new(1);
    let [one, mut other] = pair(&network);
    let task = network.spawn(async move {
        let mut one = one;
        one.next_event().await
    });
    reads(&mut other);
    network.run_for(HOUR);
    assert!(task.cancel().is_none());
    assert_eq!(says(&network, &mut other), Some(Event::Closed(link(1), None)));
}

#[test]
fn tasks_end_with_the_network() {
    struct Flag(Arc<AtomicBool>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let (network, is_dropped) = (Network::new(1), Arc::new(AtomicBool::new(false)));
    let [one, other] = pair(&network);
    let flag = Flag(Arc::clone(&is_dropped));
    let sleep = network.sleep(HOUR);
    let task = network.spawn(async move {
        let _all = (one, other, flag);
        sleep.await;
    });
    network.run_for(Duration::from_secs(1));
    drop(network);
    assert!(is_dropped.load(Ordering::SeqCst));
    assert!(task.is_finished());
}

#[test]
fn another_thread_may_wait_for_its_turn() {
    let network = Network::new(1);
    let threads: Vec<_> = (1..=4)
        .map(|hours| {
            let network = network.clone();
            std::thread::spawn(move || network.run(network.sleep(HOUR * hours)))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(network.elapsed() >= HOUR * 4);
}

#[test]
fn a_cut_is_told_to_both_ends() {
    let network = Network::new(1);
    let [mut one, mut other] = pair(&network);
    let stream = network.streams_to(&endpoint())[0];
    assert_eq!(network.streams_of(one.node()), network.streams_of(other.node()));
    network.cut(stream);
    let reset = Some(Event::Closed(link(1), Some(ErrorKind::ConnectionReset)));
    assert_eq!(says(&network, &mut one), reset);
    assert_eq!(says(&network, &mut other), reset);
    assert_eq!(network.streams_to(&endpoint()), []);
}

#[test]
fn a_half_open_stream_is_told_to_one() {
    let network = Network::new(1);
    let [mut one, mut other] = pair(&network);
    network.half_open(network.streams_to(&endpoint())[0], one.node());
    reads(&mut other);
    perform(&mut other, Output::Write { link: link(1), data: octets(1, 5).into() });
    let reset = Some(Event::Closed(link(1), Some(ErrorKind::ConnectionReset)));
    assert_eq!(says(&network, &mut one), reset);
    assert_eq!(says(&network, &mut other), None);
}

#[test]
fn a_stalled_stream_goes_on_later() {
    let network = Network::new(1);
    let [mut one, mut other] = pair(&network);
    let stream = network.streams_to(&endpoint())[0];
    network.stall(stream, true);
    reads(&mut other);
    perform(&mut one, Output::Write { link: link(1), data: octets(1, 5).into() });
    assert_eq!(says(&network, &mut one), None);
    assert_eq!(says(&network, &mut other), None);
    network.stall(stream, false);
    assert_eq!(says(&network, &mut one), Some(Event::Sent(link(1))));
    assert_eq!(says(&network, &mut other), Some(Event::Received(link(1), octets(1, 5))));
}

#[test]
fn a_crash_is_told_to_the_peer() {
    let network = Network::new(1);
    let [mut one, mut other] = pair(&network);
    reads(&mut other);
    network.crash(one.node());
    assert_eq!(says(&network, &mut other), Some(Event::Closed(link(1), None)));
    one.submit(Ask::Alarm(Duration::ZERO)).unwrap();
    assert_eq!(says(&network, &mut one), None);
    perform(&mut other, Output::Connect { link: link(2), endpoint: "tcp://a:8".parse().unwrap() });
    let refused = Some(Event::Closed(link(2), Some(ErrorKind::ConnectionRefused)));
    assert_eq!(says(&network, &mut other), refused);
}

#[test]
fn connects_are_refused_or_hang() {
    let network = Network::new(1);
    let [mut one, _other] = pair(&network);
    network.refuse(true);
    perform(&mut one, Output::Connect { link: link(2), endpoint: endpoint() });
    let refused = Some(Event::Closed(link(2), Some(ErrorKind::ConnectionRefused)));
    assert_eq!(says(&network, &mut one), refused);
    network.refuse(false);
    network.hang(true);
    perform(&mut one, Output::Connect { link: link(3), endpoint: endpoint() });
    assert_eq!(says(&network, &mut one), None);
    network.hang(false);
    perform(&mut one, Output::Connect { link: link(4), endpoint: endpoint() });
    assert_eq!(says(&network, &mut one), Some(Event::Opened(link(4))));
}

#[test]
fn without_descriptors_nothing_is_accepted() {
    let network = Network::new(1);
    let [_one, mut other] = pair(&network);
    network.run_out_of_descriptors(true);
    perform(&mut other, Output::Accept { listener: ListenerId::new(7, 1), link: link(2) });
    let failed = Some(Event::Closed(link(2), Some(ErrorKind::Other)));
    assert_eq!(says(&network, &mut other), failed);
}

/// When each piece of a write arrives, in small and slow streams.
fn arrivals(seed: u64) -> Vec<(Duration, usize)> {
    let network = Network::new(seed);
    let latency = Duration::from_millis(3);
    network.set_shape(Shape { latency, read_max: 100, buffer: 1000, sent_delay_max: latency });
    let [mut one, mut other] = pair(&network);
    perform(&mut one, Output::Write { link: link(1), data: octets(1, 5000).into() });
    network.spawn(async move { while one.next_event().await != Event::Sent(link(1)) {} });
    let (mut left, mut all) = (5000, Vec::new());
    while left > 0 {
        reads(&mut other);
        let Some(Event::Received(_, data)) = says(&network, &mut other) else { panic!() };
        left -= data.len();
        all.push((network.elapsed(), data.len()));
    }
    all
}

#[test]
fn equal_seeds_give_equal_runs_and_others_others() {
    assert_eq!(arrivals(1), arrivals(1));
    assert_ne!(arrivals(1), arrivals(2));
    assert!(arrivals(1).iter().any(|(_, size)| *size > 1));
}

/// A future that is dropped in a run leaves nothing behind that would wake anybody.
#[test]
fn a_sleep_that_is_dropped_is_forgotten() {
    let network = Network::new(1);
    network.run(async {
        let mut sleep = std::pin::pin!(network.sleep(HOUR));
        let once = poll_fn(|context| {
            assert!(sleep.as_mut().poll(context).is_pending());
            Poll::Ready(())
        });
        once.await;
    });
    let stuck = network.try_run(pending::<()>()).unwrap_err();
    assert!(matches!(stuck, Stuck::AllWait { at: Duration::ZERO, .. }), "{stuck}");
}
