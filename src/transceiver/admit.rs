//! Which orders the control socket obeys.

use std::fmt;
use std::sync::Arc;

use crate::introduction::Order;

/// A say in what the control socket obeys: [`Config::admit`](super::Config::admit). Made by
/// [`Admit::new`]; the default admits every order.
///
/// ```
/// use mongrel2_transceiver::introduction::Order;
/// use mongrel2_transceiver::transceiver::{Admit, Config};
/// let mut config = Config::default();
/// config.admit = Admit::new(|order| match order {
///     Order::Add { sender, .. } if !sender.as_bytes().starts_with(b"test-") => {
///         Err("only servers of tests are served here".to_owned())
///     }
///     _ => Ok(()),
/// });
/// ```
#[derive(Clone, Default)]
pub struct Admit(Option<Arc<Hook>>);

type Hook = dyn Fn(&Order) -> Result<(), String> + Send + Sync;

impl Admit {
    /// Asks `hook` about each order, but for [`Order::Alive`]. What it says against one is the answer
    /// to its sender, behind `ERROR`; the first 1024 octets of it.
    ///
    /// It is called while the machine works, so it must not wait for anything.
    #[must_use]
    pub fn new(hook: impl Fn(&Order) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    /// Says what is against an order.
    pub(super) fn ask(&self, order: &Order) -> Result<(), String> {
        let Some(hook) = self.0.as_ref().filter(|_| *order != Order::Alive) else { return Ok(()) };
        hook(order).map_err(|mut reason| {
            let end = (0..=REASON_LENGTH_MAX.min(reason.len()))
                .rev()
                .find(|end| reason.is_char_boundary(*end));
            reason.truncate(end.unwrap_or(0));
            reason
        })
    }
}

impl fmt::Debug for Admit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Admit(hook)" } else { "Admit(all)" })
    }
}

/// The most octets of a hook's reason that are passed on.
const REASON_LENGTH_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mongrel2::Sender;

    #[test]
    fn the_hook_is_asked_about_all_but_signs_of_life() {
        let order = Order::Remove { sender: Sender::new("a").unwrap() };
        assert_eq!(Admit::default().ask(&order), Ok(()));
        let none = Admit::new(|_| Err("no".to_owned()));
        assert_eq!(none.ask(&order), Err("no".to_owned()));
        assert_eq!(none.ask(&Order::Alive), Ok(()));
        assert_eq!(format!("{none:?} {:?}", Admit::default()), "Admit(hook) Admit(all)");
    }

    #[test]
    fn reasons_have_a_bound() {
        let order = Order::Remove { sender: Sender::new("a").unwrap() };
        let long = Admit::new(|_| Err(format!("a{}", "é".repeat(1000))));
        assert_eq!(long.ask(&order).unwrap_err().len(), REASON_LENGTH_MAX - 1);
    }
}
