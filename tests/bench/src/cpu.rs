//! How much CPU a process has used.

use std::fs;
use std::time::Duration;

/// What a process has used so far, in user code and for it in the kernel; to a hundredth of a second, as
/// Linux tells it (proc(5), stat).
pub(crate) fn used_by(process: u32) -> Result<Duration, String> {
    let path = format!("/proc/{process}/stat");
    let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    // The name in parentheses may have anything in it.
    let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: Option<u64> =
        fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().ok()).sum();
    ticks
        .map(|ticks| Duration::from_millis(ticks * 10))
        .ok_or_else(|| format!("{path} says {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_noticed() {
        let before = used_by(std::process::id()).unwrap();
        let mut octets = vec![0_u8; 1 << 20];
        while used_by(std::process::id()).unwrap() - before < Duration::from_millis(20) {
            octets.iter_mut().for_each(|octet| *octet = octet.wrapping_mul(3).wrapping_add(1));
        }
        assert!(used_by(0).is_err());
    }
}
