//! Answers that do not come at once: held, and in pieces.

use std::collections::VecDeque;
use std::time::Duration;

use mongrel2_transceiver::transceiver::{Command, Refused, Target};

use super::oracle::{Oracle, Token, text_of};
use super::support::Dice;

#[derive(Debug, Default)]
pub(crate) struct Later {
    due: VecDeque<Piece>,
}

/// The next part of an answer.
#[derive(Debug)]
struct Piece {
    at: Duration,
    target: Target,
    token: Token,
    /// How many follow.
    more: usize,
}

impl Later {
    /// A request will be answered; how long its connection is to be held until then, if it is.
    pub(crate) fn answer(
        &mut self,
        token: Token,
        target: Target,
        now: Duration,
        dice: &mut Dice,
    ) -> Option<Command> {
        let at = now + dice.up_to(Duration::from_secs(15));
        let more = dice.pick(&[0, 1, 3, 30]);
        self.due.push_back(Piece { at, target, token, more });
        let time = Duration::from_secs(dice.pick(&[0, 1, 60, 3600]));
        dice.one_in(2).then_some(Command::Hold { target, time })
    }

    /// The parts that are due, each with its token.
    pub(crate) fn due(
        &mut self,
        now: Duration,
        dice: &mut Dice,
        oracle: &mut Oracle,
    ) -> Vec<(Token, Command)> {
        let mut parts = Vec::new();
        for _ in 0..self.due.len() {
            let Some(piece) = self.due.pop_front() else { break };
            let Piece { at, target, token, more } = piece;
            if at > now {
                self.due.push_back(piece);
                continue;
            }
            let close = more == 0 && dice.one_in(2);
            parts.push((token, Command::Reply { target, body: text_of(token).into(), close }));
            if more > 0 {
                let at = now + dice.up_to(Duration::from_millis(if more > 3 { 1 } else { 900 }));
                let token = oracle.new_token();
                self.due.push_back(Piece { at, target, token, more: more - 1 });
            }
        }
        parts
    }
}

/// Whether a connection may not be held: it is over, or too many are.
pub(crate) const fn may_refuse_hold(refused: Refused) -> bool {
    matches!(
        refused,
        Refused::TooManyHolds
            | Refused::ServerGone
            | Refused::UnknownServer
            | Refused::IsSession
            | Refused::Full
            | Refused::Neglected
            | Refused::ShuttingDown
    )
}
