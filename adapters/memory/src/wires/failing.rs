//! Operations that fail, one at a time.

use std::io::ErrorKind;
use std::time::Duration;

use mongrel2_transceiver::{Input, Output};

use super::Wires;

impl Wires {
    /// Answers an operation of a node by a failure, in place of performing it: a connect is refused, a
    /// bind finds its port taken, an accept no descriptor; a read or a write finds its stream reset, and
    /// so does the other end, whose node this is. What cannot fail is performed.
    pub fn fail(&mut self, node: usize, output: Output) -> Option<usize> {
        let input = match output {
            Output::Connect { link, .. } => {
                Input::Closed { link, cause: Some(ErrorKind::ConnectionRefused) }
            }
            Output::Accept { link, .. } => Input::Closed { link, cause: Some(ErrorKind::Other) },
            Output::Listen { listener, .. } => {
                Input::ListenFailed { listener, cause: ErrorKind::AddrInUse }
            }
            Output::Read { link, .. } | Output::Write { link, .. } => {
                let (id, side) = self.ends.get(&(node, link)).copied()?;
                let other = self.streams.get(&id)?.sides[1 - side].owner;
                self.cut(id);
                return other.map(|(node, _)| node);
            }
            Output::Finish { .. } | Output::Close { .. } | Output::Unlisten { .. } => {
                self.perform(node, output);
                return None;
            }
        };
        self.answer(Duration::ZERO, node, input);
        None
    }
}
