//! From a cluster on which two ways disagree to a smaller one.

use super::draft::Draft;

/// Drops one piece after the other as long as the rest is still wrong.
pub fn shrink(
    draft: &Draft,
    formulas: &[String],
    mut wrong: impl FnMut(&Draft, &[String]) -> bool,
) -> (Draft, Vec<String>) {
    let (mut best, mut formulas) = (draft.clone(), formulas.to_vec());
    loop {
        let mut smaller = false;
        let mut index = 0;
        while index < formulas.len() {
            let mut fewer = formulas.clone();
            fewer.remove(index);
            if wrong(&best, &fewer) {
                formulas = fewer;
            } else {
                index += 1;
            }
        }
        let mut index = 0;
        while let Some(candidate) = without(&best, index) {
            if wrong(&candidate, &formulas) {
                best = candidate;
                smaller = true;
            } else {
                index += 1;
            }
        }
        if !smaller {
            return (best, formulas);
        }
    }
}

/// The draft without its piece number `index`, big pieces first; none beyond the last.
fn without(draft: &Draft, index: usize) -> Option<Draft> {
    let mut d = draft.clone();
    let mut left = index;
    let found = {
        let mut drop_one = Dropper { left: &mut left };
        drop_one.of(&mut d.fibs)
            || drop_one.of(&mut d.services)
            || drop_one.of(&mut d.externals)
            || drop_one.of(&mut d.pods)
            || drop_one.of(&mut d.nodes)
            || drop_one.of(&mut d.removed)
            || drop_one.of(&mut d.added)
            || d.fibs.iter_mut().any(|f| {
                drop_one.of(&mut f.before)
                    || drop_one.of(&mut f.after)
                    || drop_one.of(&mut f.remove)
            })
            || d.pods
                .iter_mut()
                .any(|p| drop_one.of(&mut p.containers) || drop_one.of(&mut p.addresses))
            || d.nodes
                .iter_mut()
                .any(|n| drop_one.of(&mut n.daemons) || drop_one.of(&mut n.addresses))
            || d.services.iter_mut().any(|s| {
                drop_one.of(&mut s.ports)
                    || drop_one.of(&mut s.endpoints)
                    || drop_one.of(&mut s.addresses)
            })
            || d.externals.iter_mut().any(|x| drop_one.of(&mut x.prefixes))
            || d.pods
                .iter_mut()
                .flat_map(|p| &mut p.containers)
                .any(|c| drop_one.of(&mut c.open))
            || d.nodes
                .iter_mut()
                .flat_map(|n| &mut n.daemons)
                .any(|c| drop_one.of(&mut c.open))
    };
    found.then_some(d)
}

struct Dropper<'l> {
    left: &'l mut usize,
}

impl Dropper<'_> {
    fn of<T>(&mut self, all: &mut Vec<T>) -> bool {
        if *self.left < all.len() {
            all.remove(*self.left);
            return true;
        }
        *self.left -= all.len();
        false
    }
}
