//! The outcomes as text: a table for people, in Markdown, and JSON for programs.

use serde_json::{Value, json};

use crate::measure::Outcome;
use crate::works::{Figure, Metric};

/// One table for each metric of each work.
pub(crate) fn markdown(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        for metric in outcome.work.metrics {
            text += &one(outcome, metric);
        }
    }
    text
}

fn one(outcome: &Outcome, metric: &Metric) -> String {
    let (floor, best) = (floor(outcome, metric), best_peer(outcome, metric));
    let mut head = format!("| {} | {} |", outcome.work.title, metric.unit);
    let mut rule = String::from("|---|---:|");
    for (reference, name) in [(floor, "of the floor"), (best, "of the best peer")] {
        if reference.is_some() {
            head += &format!(" {name} |");
            rule += "---:|";
        }
    }
    let mut text = format!("{head}\n{rule}\n");
    for (entry, figures) in &outcome.figures {
        let Some(value) = value_of(figures, metric) else { continue };
        let is_ours = outcome.work.ours.contains(entry);
        let name = if is_ours { format!("**{entry}**") } else { (*entry).to_owned() };
        text += &format!("| {name} | {} |", number(value));
        for reference in [floor, best].into_iter().flatten() {
            text += &format!(" {:.2} |", value / reference);
        }
        text += "\n";
    }
    text + &format!("\nAsked of ours: {}.\n\n", metric.goal)
}

pub(crate) fn json(outcomes: &[Outcome]) -> String {
    let works = outcomes.iter().flat_map(|outcome| {
        outcome.work.metrics.iter().map(move |metric| {
            let entries = outcome.figures.iter().filter_map(|(entry, figures)| {
                let value = value_of(figures, metric)?;
                Some(json!({
                    "entry": entry,
                    "is_ours": outcome.work.ours.contains(entry),
                    "value": value,
                    "of_floor": floor(outcome, metric).map(|floor| value / floor),
                    "of_best_peer": best_peer(outcome, metric).map(|best| value / best),
                }))
            });
            json!({
                "work": outcome.work.name,
                "title": outcome.work.title,
                "metric": metric.name,
                "unit": metric.unit,
                "goal": metric.goal,
                "entries": entries.collect::<Vec<Value>>(),
            })
        })
    });
    format!("{:#}\n", works.collect::<Value>())
}

fn value_of(figures: &[Figure], metric: &Metric) -> Option<f64> {
    figures.iter().find(|figure| figure.metric == metric.name).map(|figure| figure.value)
}

fn floor(outcome: &Outcome, metric: &Metric) -> Option<f64> {
    let floor = outcome.work.floor?;
    let (_, figures) = outcome.figures.iter().find(|(entry, _)| *entry == floor)?;
    value_of(figures, metric)
}

fn best_peer(outcome: &Outcome, metric: &Metric) -> Option<f64> {
    let peers = outcome.figures.iter().filter(|(entry, _)| outcome.work.peers.contains(entry));
    let values = peers.filter_map(|(_, figures)| value_of(figures, metric));
    values.reduce(if metric.is_more_better { f64::max } else { f64::min })
}

/// A figure as a person reads it: three digits that mean something, thousands apart.
fn number(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let first = digits.len() % 3;
    let mut text = digits[..first].to_owned();
    for (index, digit) in digits[first..].chars().enumerate() {
        if index % 3 == 0 && !text.is_empty() {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::works::ALL;

    fn outcome() -> Outcome {
        let work = ALL.iter().find(|work| work.name == "push-64").unwrap();
        let rate = |value| vec![Figure::new("rate", value)];
        let figures = vec![
            ("raw", rate(40_000_000.0)),
            ("libzmq", rate(5_000_000.0)),
            ("zeromq", rate(2_500_000.0)),
            ("threads", rate(10_000_000.0)),
        ];
        Outcome { work, figures }
    }

    #[test]
    fn ours_are_compared_with_the_floor_and_the_best_peer() {
        let text = markdown(&[outcome()]);
        assert!(
            text.contains("| messages/s | of the floor | of the best peer |\n|---|---:|---:|---:|"),
            "{text}"
        );
        assert!(text.contains("| zeromq | 2,500,000 | 0.06 | 0.50 |"), "{text}");
        assert!(text.contains("| **threads** | 10,000,000 | 0.25 | 2.00 |"), "{text}");
        assert!(text.contains("Asked of ours: 2 of the best peer."), "{text}");
    }

    #[test]
    fn json_has_the_same() {
        let all: Value = serde_json::from_str(&json(&[outcome()])).unwrap();
        let ours = &all[0]["entries"][3];
        assert_eq!(ours["entry"], "threads");
        assert_eq!((&ours["of_floor"], &ours["is_ours"]), (&0.25.into(), &true.into()));
    }

    #[test]
    fn the_best_is_the_least_where_less_is_better() {
        let work = ALL.iter().find(|work| work.name == "round-trip").unwrap();
        let time = |value| vec![Figure::new("time", value)];
        let figures = vec![("libzmq", time(20.0)), ("zeromq", time(7.2)), ("threads", time(6.0))];
        let outcome = Outcome { work, figures };
        assert_eq!(best_peer(&outcome, &work.metrics[0]), Some(7.2));
        assert_eq!(floor(&outcome, &work.metrics[0]), None);
    }

    #[test]
    fn numbers_have_their_thousands_apart() {
        let cases =
            [(7.216, "7.22"), (123.4, "123"), (1234.0, "1,234"), (1_234_567.0, "1,234,567")];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }
}
