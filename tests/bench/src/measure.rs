//! Makes all measurements that are asked for, each in a process of its own.

use std::env;
use std::process::{Command, Stdio};

use crate::options::Options;
use crate::works::{self, Figure, Work};

/// What came of one work: the entries in their order, each with the medians of its figures.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) work: &'static Work,
    pub(crate) figures: Vec<(&'static str, Vec<Figure>)>,
}

/// Measures round by round, so that a noisy moment meets all entries of a work.
pub(crate) fn all(options: &Options) -> Result<Vec<Outcome>, String> {
    let wanted = works::ALL.iter().filter(|work| {
        options.works.is_empty() || options.works.iter().any(|name| name == work.name)
    });
    wanted.map(|work| one(work, options)).collect()
}

fn one(work: &'static Work, options: &Options) -> Result<Outcome, String> {
    let mut taken: Vec<(&str, Vec<Vec<Figure>>)> =
        work.entries().map(|entry| (entry, Vec::new())).collect();
    for round in 1..=options.rounds {
        for (entry, rounds) in &mut taken {
            eprint!("{}: {entry}, round {round} of {} ... ", work.name, options.rounds);
            let figures = apart(work.name, entry, options.scale)?;
            let told: Vec<_> =
                figures.iter().map(|figure| format!("{:.1}", figure.value)).collect();
            eprintln!("{}", told.join(", "));
            rounds.push(figures);
        }
    }
    let figures = taken.into_iter().map(|(entry, rounds)| (entry, medians(work, &rounds)));
    Ok(Outcome { work, figures: figures.collect() })
}

/// One measurement in a process of its own.
fn apart(work: &str, entry: &str, scale: f64) -> Result<Vec<Figure>, String> {
    let program = env::current_exe().map_err(|error| format!("where is this program? {error}"))?;
    let output = Command::new(program)
        .args(["--scale", &scale.to_string(), "--one", work, entry])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{work} of {entry} cannot be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("{work} of {entry} failed: {}", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let figures: Option<Vec<_>> = text.lines().map(Figure::parse).collect();
    figures
        .filter(|figures| !figures.is_empty())
        .ok_or_else(|| format!("{work} of {entry} said {text:?}"))
}

fn medians(work: &Work, rounds: &[Vec<Figure>]) -> Vec<Figure> {
    let all_of = |name: &str| {
        let of_rounds = rounds.iter().flatten().filter(|figure| figure.metric == name);
        let mut values: Vec<f64> = of_rounds.map(|figure| figure.value).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let metrics = work.metrics.iter().map(|metric| (metric.name, all_of(metric.name)));
    let known = metrics.filter(|(_, values)| !values.is_empty());
    known.map(|(name, values)| Figure::new(name, values[values.len() / 2])).collect()
}
