//! `kind: LinuxSnapshot` of `kubeproof.dev/v1`: the network that was really installed, as Linux tells of it.
//!
//! Knows: which dump is read by which file, and what a snapshot and the objects beside it are together. Must never
//! know: files on disk, how a message travels (`lower`).
//!
//! `snapshot.yaml` says which namespace is what; beside it lies a folder for each, with what `ip`, `bridge`,
//! `iptables-save`, `nft`, `ss` and `sysctl` printed in it (`layout`).

mod bridge;
mod cilium;
mod cluster;
mod discovery;
mod dumps;
mod firewall;
mod ipset;
mod iptables;
pub mod layout;
mod link;
mod namespace;
mod nft;
mod objects;
mod order;
mod peers;
mod plain;
mod record;
mod riders;
mod route;
mod rule;
mod scope;
pub mod settings;
mod strange;
mod top;
mod wires;

use std::collections::{BTreeMap, HashMap, HashSet};

use super::decode::show;
use super::kubernetes::{About, Objects};
use super::problems::{Problems, TOLD};
use super::yaml::Node;
use crate::base::diag::Diagnostic;
use crate::base::source::{SourceMap, Span};
use crate::model::cluster::Cluster;
use namespace::Draft;
use top::{Listed, Top, Wire};

pub use dumps::Dumps;

/// The codes of this stage, with a title each.
pub const CODES: &[(&str, &str)] = &[
    ("S001", "a LinuxSnapshot stands where none is read"),
    ("S002", "two namespaces of a snapshot have the same name"),
    (
        "S003",
        "a namespace of a snapshot that cannot be what it says",
    ),
    ("S004", "dumps of a namespace are missing"),
    ("S005", "a dump is no JSON"),
    ("S006", "a dump holds what the tool does not print"),
    ("S007", "two dumps of one namespace contradict each other"),
    ("S008", "a line of a dump that cannot be read"),
    ("S009", "an object is not in the snapshot"),
    ("S010", "two objects are the same namespace of a snapshot"),
    ("S011", "a pod has other addresses than its namespace"),
    ("S012", "dumps that belong to no namespace of the snapshot"),
    ("S013", "a dump is missing, and taken as empty"),
    ("S014", "an end of a wire that cannot be one"),
];

/// A snapshot as it was read, before it is a cluster.
#[derive(Debug)]
pub struct Draught {
    listed: Vec<Listed>,
    wires: Vec<Wire>,
    drafts: Vec<Draft>,
}

/// Reads `snapshot.yaml` and the dumps that belong to it; none where a mistake was told.
pub fn read(
    node: Node<'_>,
    home: &str,
    dumps: &Dumps,
    sources: &SourceMap,
    problems: &mut Problems,
) -> Option<Draught> {
    let before = problems.errors();
    let Top {
        namespaces: listed,
        wires,
    } = top::read(node, problems)?;
    let mut drafts = Vec::with_capacity(listed.len());
    for namespace in &listed {
        let files = dumps.of(&namespace.name, sources);
        // A hundred mistakes of one namespace shall not hide those of the next.
        let mut own = Problems::with_room(TOLD / 4);
        if let Some(mut draft) = namespace::read(namespace, home, files, &mut own) {
            cilium::apply(files, &mut draft, &mut own);
            drafts.push(draft);
        }
        for diagnostic in own.into_list() {
            problems.push(diagnostic);
        }
    }
    told_of_missing(&listed, dumps, &drafts, sources, problems);
    let known: HashSet<&str> = listed.iter().map(|l| l.name.as_str()).collect();
    for folder in dumps.folders().filter(|f| !known.contains(f)) {
        if let Some(source) = dumps.any(folder) {
            let place = Span {
                source,
                start: 0,
                end: 0,
            };
            let message = format!(
                "{} is no namespace of the snapshot: its dumps are not read",
                show(folder)
            );
            let diagnostic = Diagnostic::error("S012", place, message).warning();
            problems.push(diagnostic.help("list it in `snapshot.yaml`"));
        }
    }
    (problems.errors() == before).then_some(Draught {
        listed,
        wires,
        drafts,
    })
}

/// What was taken as nothing since its dump is not there: told once for all namespaces.
fn told_of_missing(
    listed: &[Listed],
    dumps: &Dumps,
    drafts: &[Draft],
    sources: &SourceMap,
    problems: &mut Problems,
) {
    let mut missing: BTreeMap<&str, Vec<&Listed>> = BTreeMap::new();
    let by_name: HashMap<&str, &Listed> = listed.iter().map(|l| (l.name.as_str(), l)).collect();
    for draft in drafts {
        let Some(&namespace) = by_name.get(draft.netns.name.as_str()) else {
            continue;
        };
        let files = dumps.of(&namespace.name, sources);
        for file in namespace::assumed(draft, files) {
            missing.entry(file).or_default().push(namespace);
        }
    }
    for (file, namespaces) in missing {
        let Some(first) = namespaces.first() else {
            continue;
        };
        let others = match namespaces.len() - 1 {
            0 => String::new(),
            n => format!(" and of {n} more"),
        };
        let message = format!(
            "`{file}` of {}{others} is not there: what it would say is taken as nothing",
            show(&first.name)
        );
        problems.push(Diagnostic::error("S013", first.origin, message).warning());
    }
}

/// Makes one cluster of a snapshot and the objects beside it; none where a mistake was told.
pub fn assemble(
    draught: Draught,
    objects: Objects,
    about: About,
    problems: &mut Problems,
) -> Option<Cluster> {
    cluster::cluster(draught, objects, about, problems)
}
