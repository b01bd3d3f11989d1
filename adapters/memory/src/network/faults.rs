//! What goes wrong on a network, when it is told to.

use mongrel2_transceiver::Endpoint;

use super::Network;
use crate::wires::{Shape, StreamId};

/// Faults. All of them are off at first.
impl Network {
    /// How the streams behave that are opened from now on: their latency, say.
    pub fn set_shape(&self, shape: Shape) {
        self.lock().wires.shape = shape;
    }

    /// From now on connects are refused, as if nobody listened; or not any more.
    pub fn refuse(&self, is_on: bool) {
        self.lock().wires.refuses = is_on;
    }

    /// From now on connects are never answered; or new ones are again.
    pub fn hang(&self, is_on: bool) {
        self.lock().wires.hangs = is_on;
    }

    /// From now on accepts fail, as if there were no descriptors left; or not any more.
    pub fn run_out_of_descriptors(&self, is_on: bool) {
        self.lock().wires.is_out_of_descriptors = is_on;
    }

    /// The streams that were opened to an endpoint and are open still, oldest first. Hosts do not
    /// matter: all are one.
    #[must_use]
    pub fn streams_to(&self, endpoint: &Endpoint) -> Vec<StreamId> {
        self.lock().wires.streams_to(endpoint)
    }

    /// The streams of a driver, by its [`node`](crate::Driver::node), oldest first.
    #[must_use]
    pub fn streams_of(&self, node: NodeId) -> Vec<StreamId> {
        self.lock().wires.streams_of(node.0)
    }

    /// Both ends are told that the stream was reset; what was on its way is lost.
    pub fn cut(&self, stream: StreamId) {
        self.lock().wires.cut(stream);
    }

    /// One driver is told that the stream was reset; the other end hears nothing ever again.
    pub fn half_open(&self, stream: StreamId, node: NodeId) {
        self.lock().wires.half_open(stream, node.0);
    }

    /// From now on nothing moves on this stream, without a word to anybody; or it moves again.
    pub fn stall(&self, stream: StreamId, is_on: bool) {
        self.lock().wires.stall(stream, is_on);
    }

    /// A driver dies with all its streams and listeners, as when its process is killed: its peers are
    /// told, and it has no more events. Dropping the driver, or the task that has it, does the same.
    pub fn crash(&self, node: NodeId) {
        self.lock().unplug(node.0);
    }
}

/// Names a driver of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) usize);
