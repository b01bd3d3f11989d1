//! Which link for requests is whose.
//!
//! A link does not say whose it is. So a handler that is introduced claims one that came up since; and
//! where one of several goes while a handler parts, it is taken for that handler's.

use std::collections::BTreeMap;

use crate::machine::LinkId;

/// The links of one handler, as far as they are known and there.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// The link that brought the text that was asked for. There is no doubt about it.
    pub(super) reply: Option<LinkId>,
    /// The link that it has claimed.
    pub(super) request: Option<LinkId>,
}

impl Links {
    pub(super) const fn are_gone(&self) -> bool {
        self.reply.is_none() && self.request.is_none()
    }
}

/// The links for requests that no handler has claimed.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// When each came up, counted in links.
    free: BTreeMap<LinkId, u64>,
    serial: u64,
    replies: u64,
}

impl Claims {
    /// Now, counted in links for requests that came up.
    pub(super) const fn now(&self) -> u64 {
        self.serial
    }

    /// Now, counted in links for replies that came up.
    pub(super) const fn replies(&self) -> u64 {
        self.replies
    }

    pub(super) const fn reply_up(&mut self) {
        self.replies += 1;
    }

    pub(super) fn up(&mut self, link: LinkId) {
        self.serial += 1;
        self.free.insert(link, self.serial);
    }

    /// A link of nobody has gone, or one is claimed by name.
    pub(super) fn remove(&mut self, link: LinkId) -> bool {
        self.free.remove(&link).is_some()
    }

    /// A handler gives a link up that may be there still.
    pub(super) fn put_back(&mut self, link: LinkId) {
        // As old as any: it is nobody's who comes now.
        self.free.insert(link, 1);
    }

    /// The oldest that came up later than that.
    pub(super) fn claim(&mut self, since: u64) -> Option<LinkId> {
        let newer = self.free.iter().filter(|(_, at)| **at > since);
        let link = *newer.min_by_key(|(_, at)| **at)?.0;
        self.free.remove(&link);
        Some(link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_link_since_then_is_claimed() {
        let link = |serial| LinkId::new(1, serial);
        let mut claims = Claims::default();
        claims.up(link(9));
        let since = claims.now();
        assert_eq!(claims.claim(since), None);
        claims.up(link(3));
        claims.up(link(2));
        assert_eq!(claims.claim(since), Some(link(3)));
        assert!(claims.remove(link(2)) && !claims.remove(link(3)));
        assert_eq!(claims.claim(since), None);
        claims.put_back(link(3));
        assert_eq!(claims.claim(since), None);
        assert_eq!([claims.claim(0), claims.claim(0)], [Some(link(3)), Some(link(9))]);
        assert_eq!(claims.claim(0), None);
    }
}
