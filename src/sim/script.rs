//! Every choice of a walk, one combination after the other.
//!
//! Must never know: what is chosen.

/// The choices of one walk: replays a prefix, takes the first way beyond it, and steps to the next combination.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// (taken, how many ways there are)
    taken: Vec<(usize, usize)>,
    at: usize,
}

impl Script {
    pub(super) fn choose(&mut self, ways: usize) -> usize {
        if self.at == self.taken.len() {
            self.taken.push((0, ways));
        }
        self.at += 1;
        self.taken[self.at - 1].0
    }

    /// To the next combination; false after the last.
    pub(super) fn advance(&mut self) -> bool {
        self.at = 0;
        while let Some((taken, ways)) = self.taken.pop() {
            if taken + 1 < ways {
                self.taken.push((taken + 1, ways));
                return true;
            }
        }
        false
    }
}
