//! What is measured, on which stacks, and what the figures are compared with.

use std::fmt;

use crate::{alone, behind, micro, wire};

/// One thing that can be done by several stacks.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) metrics: &'static [Metric],
    /// Does what has to be done, and nothing else.
    pub(crate) floor: Option<&'static str>,
    /// What others made.
    pub(crate) peers: &'static [&'static str],
    pub(crate) ours: &'static [&'static str],
    run: fn(entry: &str, scale: f64) -> Result<Vec<Figure>, String>,
}

impl Work {
    /// All that does it, the floor first.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &'static str> {
        self.floor.into_iter().chain(self.peers.iter().copied()).chain(self.ours.iter().copied())
    }
}

/// One figure that each entry of a work has.
#[derive(Debug)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    /// Whether more is better.
    pub(crate) is_more_better: bool,
    /// What is asked of ours, in words.
    pub(crate) goal: &'static str,
}

/// What came of a measurement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) metric: String,
    pub(crate) value: f64,
}

impl Figure {
    pub(crate) fn new(metric: &str, value: f64) -> Self {
        Self { metric: metric.to_owned(), value }
    }

    /// Reads what [`Display`](fmt::Display) wrote.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (metric, value) = line.split_once(' ')?;
        Some(Self::new(metric, value.parse().ok()?))
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.metric, self.value)
    }
}

pub(crate) fn find(name: &str) -> Option<&'static Work> {
    ALL.iter().find(|work| work.name == name)
}

/// Makes one measurement in this process.
pub(crate) fn run(work: &str, entry: &str, scale: f64) -> Result<Vec<Figure>, String> {
    let work = find(work).ok_or_else(|| format!("there is no work {work:?}"))?;
    (work.run)(entry, scale)
}

const fn rate(unit: &'static str, goal: &'static str) -> Metric {
    Metric { name: "rate", unit, is_more_better: true, goal }
}

const fn time(unit: &'static str, goal: &'static str) -> Metric {
    Metric { name: "time", unit, is_more_better: false, goal }
}

const fn cpu(goal: &'static str) -> Metric {
    Metric { name: "cpu", unit: "us of the handler's CPU each", is_more_better: false, goal }
}

const OURS: &[&str] = &["threads", "smol", "tokio"];
const STACKS: &[&str] = &["libzmq", "omq-tokio", "zeromq"];
const BEHIND_RATE: &str = "0.95 of the floor";
const BEHIND_CPU: &str = "1.5 of the floor";

pub(crate) const ALL: &[Work] = &[
    Work {
        name: "push-64",
        title: "PUSH to PULL over loopback, 64 octets",
        metrics: &[rate("messages/s", "2 of the best peer")],
        floor: Some("raw"),
        peers: STACKS,
        ours: OURS,
        run: |entry, scale| wire::push(entry, 64, scale),
    },
    Work {
        name: "push-1024",
        title: "PUSH to PULL over loopback, 1,024 octets",
        metrics: &[rate("messages/s", "0.85 of the floor")],
        floor: Some("raw"),
        peers: STACKS,
        ours: OURS,
        run: |entry, scale| wire::push(entry, 1024, scale),
    },
    Work {
        name: "push-16384",
        title: "PUSH to PULL over loopback, 16,384 octets",
        metrics: &[rate("messages/s", "0.95 of the floor")],
        floor: Some("raw"),
        peers: STACKS,
        ours: OURS,
        run: |entry, scale| wire::push(entry, 16384, scale),
    },
    Work {
        name: "round-trip",
        title: "one message of 64 octets there and back, REQ and REP over loopback",
        metrics: &[time("us, median", "1.5 of the floor for threads, 2 for smol and tokio")],
        floor: Some("raw"),
        peers: STACKS,
        ours: OURS,
        run: wire::round_trip,
    },
    Work {
        name: "http",
        title: "hello over HTTP behind the real Mongrel2, 32 connections",
        metrics: &[rate("requests/s", BEHIND_RATE), cpu(BEHIND_CPU)],
        floor: Some("raw"),
        peers: &["libzmq"],
        ours: OURS,
        run: |entry, scale| behind::measure(entry, behind::HTTP, scale),
    },
    Work {
        name: "echo-64",
        title: "WebSocket echo behind the real Mongrel2, 64 connections, 64 octets",
        metrics: &[rate("messages/s", BEHIND_RATE), cpu(BEHIND_CPU)],
        floor: Some("raw"),
        peers: &["libzmq"],
        ours: OURS,
        run: |entry, scale| behind::measure(entry, behind::ECHO_64, scale),
    },
    Work {
        name: "echo-16000",
        title: "WebSocket echo behind the real Mongrel2, 64 connections, 16,000 octets",
        metrics: &[rate("messages/s", BEHIND_RATE), cpu(BEHIND_CPU)],
        floor: Some("raw"),
        peers: &["libzmq"],
        ours: OURS,
        run: |entry, scale| behind::measure(entry, behind::ECHO_16000, scale),
    },
    Work {
        name: "request",
        title: "read a browser's request: sender, id, path, method, body; or all its headers",
        metrics: &[time("ns", "0.1 of serde_json; 0.4 for all headers")],
        floor: None,
        peers: &["serde_json"],
        ours: &["request", "all-headers"],
        run: micro::request,
    },
    Work {
        name: "frame",
        title: "encode a WebSocket text frame of 64 octets",
        metrics: &[time("ns", "0.5 of tungstenite")],
        floor: None,
        peers: &["tungstenite"],
        ours: &["encode"],
        run: micro::frame,
    },
    Work {
        name: "broadcast",
        title: "a broadcast of 1 KiB to 100,000 sessions, the core alone",
        metrics: &[time("ms", "1.5 of the floor, which writes the ids in decimal digits")],
        floor: Some("digits"),
        peers: &[],
        ours: &["broadcast"],
        run: alone::broadcast,
    },
    Work {
        name: "sessions",
        title: "requests over HTTP beside open WebSockets, the core alone",
        metrics: &[rate("requests/s", "0.9 of what there is with one")],
        floor: Some("1-session"),
        peers: &[],
        ours: &["1,000,000-sessions"],
        run: alone::beside_sessions,
    },
    Work {
        name: "servers",
        title: "requests over HTTP by several servers in turn, the core alone",
        metrics: &[rate("requests/s", "0.9 of what there is with one")],
        floor: Some("1-server"),
        peers: &[],
        ours: &["100-servers"],
        run: alone::over_servers,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_read_as_it_was_written() {
        let figure = Figure::new("rate", 1234.5);
        assert_eq!(Figure::parse(&figure.to_string()), Some(figure));
        assert_eq!(Figure::parse("rate"), None);
        assert_eq!(Figure::parse("rate much"), None);
    }

    #[test]
    fn names_are_used_once() {
        for (index, work) in ALL.iter().enumerate() {
            assert!(ALL[..index].iter().all(|other| other.name != work.name), "{}", work.name);
            assert!(!work.ours.is_empty() && !work.metrics.is_empty());
        }
    }
}
