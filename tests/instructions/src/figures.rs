//! The figures that are committed, and whether those of today are the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::count::Count;

/// How far a count may be from its figure.
const TOLERANCE: f64 = 0.05;

/// The same where another compiler has made the program.
const TOLERANCE_OF_OTHERS: f64 = 0.25;

/// What `figures.txt` has.
#[derive(Clone, Debug, PartialEq)]
struct Figures {
    /// The compiler that they were made with.
    compiler: String,
    counts: Vec<Count>,
}

impl Figures {
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let compiler = lines.next()?.to_owned();
        let counts = lines.map(|line| {
            let (name, count) = line.split_once(' ')?;
            Some(Count { name: name.to_owned(), instructions: count.trim().parse().ok()? })
        });
        Some(Self { compiler, counts: counts.collect::<Option<_>>()? })
    }

    fn encode(&self) -> String {
        let mut text = String::from(
            "# Instructions of each step; tests/run instructions compares with them. To write them anew:\n\
             # cargo run --release -p instructions -- --renew\n",
        );
        text += &format!("{}\n", self.compiler);
        for Count { name, instructions } in &self.counts {
            text += &format!("{name:<20} {instructions:.1}\n");
        }
        text
    }

    /// What is wrong with these counts, one line each; and a line for each of them.
    fn check(&self, counts: &[Count], compiler: &str) -> (String, Vec<String>) {
        let tolerance = if compiler == self.compiler { TOLERANCE } else { TOLERANCE_OF_OTHERS };
        let (mut table, mut wrong) = (String::new(), Vec::new());
        for Count { name, instructions } in counts {
            let Some(figure) = self.counts.iter().find(|figure| figure.name == *name) else {
                wrong.push(format!("{name} has no figure"));
                continue;
            };
            let change = instructions / figure.instructions - 1.0;
            table += &format!(
                "{name:<20} {instructions:>10.1}, was {:>10.1} ({:+.1} %)\n",
                figure.instructions,
                change * 100.0
            );
            if change.abs() > tolerance {
                wrong.push(format!("{name} has changed by {:+.1} %", change * 100.0));
            }
        }
        let gone = |figure: &&Count| counts.iter().all(|count| count.name != figure.name);
        let gone = self.counts.iter().filter(gone);
        wrong.extend(gone.map(|figure| format!("{} is counted no more", figure.name)));
        (table, wrong)
    }
}

/// Fails where a count is not what is committed.
pub(crate) fn compare(counts: &[Count]) -> Result<(), String> {
    let path = path();
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let figures = Figures::parse(&text).ok_or("figures.txt makes no sense")?;
    let compiler = compiler()?;
    let (table, wrong) = figures.check(counts, &compiler);
    print!("{table}");
    if compiler != figures.compiler {
        println!("The figures are of {}, this is {compiler}: 25 % are allowed.", figures.compiler);
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let renew = "if that is meant: cargo run --release -p instructions -- --renew";
    Err(format!("{}; {renew}", wrong.join("; ")))
}

/// Writes the figures anew.
pub(crate) fn renew(counts: &[Count]) -> Result<(), String> {
    let figures = Figures { compiler: compiler()?, counts: counts.to_vec() };
    let path = path();
    fs::write(&path, figures.encode()).map_err(|error| format!("{}: {error}", path.display()))
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("figures.txt")
}

/// The first word about the compiler that is asked for by the name of rustc.
fn compiler() -> Result<String, String> {
    let output = Command::new("rustc").arg("--version").output();
    let output = output.map_err(|error| format!("rustc does not tell its version: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(name: &str, instructions: f64) -> Count {
        Count { name: name.to_owned(), instructions }
    }

    fn figures() -> Figures {
        let counts = vec![count("read-request", 100.0), count("encode-frame", 20.0)];
        Figures { compiler: "rustc 1.85.0".to_owned(), counts }
    }

    fn wrong(counts: &[Count], compiler: &str) -> Vec<String> {
        figures().check(counts, compiler).1
    }

    #[test]
    fn figures_are_read_as_they_were_written() {
        assert_eq!(Figures::parse(&figures().encode()), Some(figures()));
        assert_eq!(Figures::parse("rustc 1.85.0\nread-request much"), None);
    }

    #[test]
    fn faster_and_slower_are_noticed_and_so_is_what_is_gone() {
        let good = [count("read-request", 104.0), count("encode-frame", 19.2)];
        assert!(wrong(&good, "rustc 1.85.0").is_empty());
        let slow = [count("read-request", 106.0), count("encode-frame", 18.0)];
        assert_eq!(
            wrong(&slow, "rustc 1.85.0"),
            ["read-request has changed by +6.0 %", "encode-frame has changed by -10.0 %"]
        );
        assert!(wrong(&slow, "rustc 1.99.0").is_empty(), "another compiler");
        let other = [count("read-request", 100.0), count("something", 1.0)];
        let found = wrong(&other, "rustc 1.99.0");
        assert_eq!(found, ["something has no figure", "encode-frame is counted no more"]);
    }
}
