//! SIGINT and SIGTERM.

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Calls `stop` at the first signal; ends the process at the second.
///
/// # Errors
/// What the operating system says, for a person.
pub(crate) fn on_signal(stop: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let mut signals = Signals::new([SIGINT, SIGTERM])
        .map_err(|error| format!("cannot listen for signals: {error}"))?;
    std::thread::spawn(move || {
        let mut signals = signals.forever();
        if signals.next().is_some() {
            println!("stopping (once more to end at once)");
            stop();
        }
        if let Some(signal) = signals.next() {
            // As a shell counts processes that died of a signal.
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}
