//! Kinds: who is described alike; whether each kind speaks alike of each; and whom to look at so that every way in which two
//! can stand to each other is there.
//!
//! Must never know: what descriptions say.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::describe::{Described, Names};
use super::frames::Stop;
use super::places::Places;
use super::units::{Unit, Units};

/// So many become special at once at most.
const MOST_MARKED: usize = 24;

/// How two stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Stands {
    /// Two pods of one node.
    Beside,
    /// On different nodes, or different nodes.
    Apart,
}

/// The kind of each, and what each says of others.
#[derive(Debug)]
pub(super) struct Kinds<'k> {
    units: &'k Units,
    /// By unit; of special ones without meaning.
    of: Vec<u64>,
    /// Of those who say something: which.
    said: BTreeMap<(Unit, Unit), u64>,
    /// By kind, ascending.
    members: BTreeMap<u64, Vec<Unit>>,
}

impl<'k> Kinds<'k> {
    /// Sorts descriptions.
    pub(super) fn of(units: &'k Units, described: Described) -> Self {
        let mut names: Names<Vec<u64>> = Names::new();
        let Described { own, mut pairs } = described;
        let mut of = vec![0; units.len()];
        // Nodes first: a pod is there with its node only, and what the node says of it is its own.
        let (pods, nodes): (Vec<Unit>, Vec<Unit>) =
            units.ordinary().partition(|u| units.home(*u).is_some());
        for unit in nodes.into_iter().chain(pods) {
            let mut all = own[unit.0 as usize].clone();
            all.sort_unstable();
            let home = units.home(unit).filter(|h| !units.is_special(*h));
            let mut of_others = |owner: Option<Unit>| {
                let mut list = pairs.remove(&(owner, unit)).unwrap_or_default();
                list.sort_unstable();
                all.push(u64::MAX);
                all.extend(list);
            };
            of_others(None);
            if let Some(home) = home {
                of_others(Some(home));
                all.extend([u64::MAX, of[home.0 as usize]]);
            }
            of[unit.0 as usize] = names.of(all);
        }
        let mut said = BTreeMap::new();
        for ((owner, other), mut list) in pairs {
            if let Some(owner) = owner {
                list.sort_unstable();
                said.insert((owner, other), names.of(list));
            }
        }
        let mut members: BTreeMap<u64, Vec<Unit>> = BTreeMap::new();
        for unit in units.ordinary() {
            members.entry(of[unit.0 as usize]).or_default().push(unit);
        }
        Self {
            units,
            of,
            said,
            members,
        }
    }

    /// How two stand to each other; none where one of them comes with the other.
    fn stands(&self, one: Unit, other: Unit) -> Option<Stands> {
        if self.units.comes_with(one, other) || self.units.comes_with(other, one) {
            return None;
        }
        let same = self.units.node(one) == self.units.node(other);
        Some(if same { Stands::Beside } else { Stands::Apart })
    }

    /// Those who must be special so that everybody else speaks alike of everybody else.
    pub(super) fn odd(&self) -> Result<Vec<Unit>, Stop> {
        let mut groups: BTreeMap<(u64, u64, Stands), BTreeMap<u64, usize>> = BTreeMap::new();
        for ((owner, other), said) in &self.said {
            let key = (self.of[owner.0 as usize], self.of[other.0 as usize]);
            if let Some(stands) = self.stands(*owner, *other) {
                let group = groups.entry((key.0, key.1, stands)).or_default();
                *group.entry(*said).or_default() += 1;
            }
        }
        let mut deviating: BTreeSet<(Unit, Unit)> = BTreeSet::new();
        for ((one, other, stands), group) in groups {
            let spoken: usize = group.values().sum();
            let all = self.count(one, other, stands);
            let silent = all - spoken.min(all);
            let most = group
                .iter()
                .max_by_key(|(said, n)| (**n, std::cmp::Reverse(**said)));
            let (usual, many) = most.map_or((0, 0), |(said, n)| (*said, *n));
            if many == all {
                continue;
            }
            let usual = (many >= silent).then_some(usual);
            for owner in &self.members[&one] {
                let others = self.members[&other].iter();
                let others = others.filter(|o| self.stands(*owner, **o) == Some(stands));
                for about in others {
                    if self.said.get(&(*owner, *about)).copied() != usual {
                        deviating.insert((*owner, *about));
                    }
                }
            }
        }
        let mut marked = Vec::new();
        while !deviating.is_empty() {
            if marked.len() >= MOST_MARKED {
                return Err(Stop::Why(
                    "too many of its pods and nodes are like no other",
                ));
            }
            let mut count: BTreeMap<Unit, usize> = BTreeMap::new();
            for (owner, about) in &deviating {
                *count.entry(*owner).or_default() += 1;
                *count.entry(*about).or_default() += 1;
            }
            // The one who speaks oddly rather than the one who is oddly spoken of.
            let speaks = |u: &Unit| deviating.iter().any(|(owner, _)| owner == u);
            let worst = count
                .iter()
                .max_by_key(|(u, n)| (**n, speaks(u), std::cmp::Reverse(**u)));
            let Some(worst) = worst.map(|(u, _)| *u) else {
                break;
            };
            deviating.retain(|(owner, about)| *owner != worst && *about != worst);
            marked.push(worst);
        }
        Ok(marked)
    }

    /// How many pairs of two kinds stand so to each other.
    fn count(&self, one: u64, other: u64, stands: Stands) -> usize {
        let per_node = |kind: u64| {
            let mut all: HashMap<Unit, usize> = HashMap::new();
            for unit in &self.members[&kind] {
                *all.entry(self.units.node(*unit)).or_default() += 1;
            }
            all
        };
        let (ones, others) = (per_node(one), per_node(other));
        let together = ones
            .iter()
            .map(|(node, n)| n * others.get(node).unwrap_or(&0));
        let together: usize = together.sum();
        match stands {
            Stands::Apart => self.members[&one].len() * self.members[&other].len() - together,
            // Only pods stand beside each other: nodes come with theirs.
            Stands::Beside if one == other => together - self.members[&one].len(),
            Stands::Beside => together,
        }
    }

    /// For each kind, and each way in which two kinds can stand to each other, the first that do: by name, and by address.
    pub(super) fn plainest(&self, places: &Places) -> BTreeSet<Unit> {
        let mut all = BTreeSet::new();
        for members in self.members.values() {
            all.extend(members.first());
        }
        for ones in self.members.values() {
            for others in self.members.values() {
                for stands in [Stands::Beside, Stands::Apart] {
                    self.first(ones, others, stands, places, &mut all);
                }
            }
        }
        all
    }

    fn first(
        &self,
        ones: &[Unit],
        others: &[Unit],
        stands: Stands,
        places: &Places,
        all: &mut BTreeSet<Unit>,
    ) {
        let mut nodes: HashMap<Unit, Vec<Unit>> = HashMap::new();
        if stands == Stands::Beside {
            for other in others {
                nodes
                    .entry(self.units.node(*other))
                    .or_default()
                    .push(*other);
            }
        }
        for one in ones {
            let others = match stands {
                Stands::Apart => others,
                Stands::Beside => match nodes.get(&self.units.node(*one)) {
                    Some(here) => here,
                    None => continue,
                },
            };
            let fitting = || {
                others
                    .iter()
                    .filter(|o| self.stands(*one, **o) == Some(stands))
            };
            let address = |u: &&Unit| places.addresses[u.0 as usize].first().copied();
            if let (Some(by_name), Some(by_address)) =
                (fitting().next(), fitting().min_by_key(address))
            {
                all.extend([*one, *by_name, *by_address]);
                return;
            }
        }
    }
}
