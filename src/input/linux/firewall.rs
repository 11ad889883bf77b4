//! The firewall of a namespace, of whatever tools made it.
//!
//! Knows: which dump is asked for which table. Must never know: how rules are spelled.

use std::collections::BTreeMap;

use super::dumps::Files;
use super::ipset::{self, Sets};
use super::iptables::{self, Read};
use super::nft;
use super::order;
use crate::input::problems::Problems;
use crate::model::linux::{Chain, ChainFamily, SetElement, Strange};

/// All chains, and all sets that they ask for.
pub(super) fn read(
    files: Files<'_>,
    unmodelled: &mut Vec<Strange>,
    problems: &mut Problems,
) -> (Vec<Chain>, BTreeMap<String, Vec<SetElement>>) {
    let sets = files.text(&["ipset-save.txt"], problems);
    let sets = sets.map_or_else(Sets::default, |(s, t)| ipset::read(s, t, problems));
    let mut dumps: Vec<(ChainFamily, Read)> = Vec::new();
    for (file, family) in [
        ("iptables-save.txt", ChainFamily::V4),
        ("ip6tables-save.txt", ChainFamily::V6),
    ] {
        if let Some((source, text)) = files.text(&[file], problems) {
            let read = iptables::read(source, text, family, &sets, unmodelled, problems);
            dumps.push((family, read));
        }
    }
    let all = dumps.into_iter().flat_map(|(_, read)| read.chains);
    let mut chains: Vec<Chain> = all.collect();
    let mut elements = sets.elements;
    if let Some((_, dump)) = files.json(&["nft.json"], problems) {
        let read = nft::read(&dump, &chains, unmodelled, problems);
        chains.extend(read.chains);
        elements.extend(read.sets);
    }
    order::unordered(&chains, &elements, unmodelled);
    (chains, elements)
}
