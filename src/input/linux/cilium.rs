//! What Cilium's agent says of its maps on a node.
//!
//! Knows: whether all of its dumps are there. Must never know: words of these dumps (`maps`), what follows for routes
//! (`routes`) and chains (`chains`).
//!
//! Cilium's programs decide past the kernel's routes and chains. What they decide is in these maps; with all of them
//! beside the other dumps of a node, its messages are followed; without, they are not modelled.

mod chains;
mod maps;
mod routes;

use super::dumps::Files;
use super::namespace::Draft;
use crate::input::problems::Problems;
use crate::model::linux::{Role, Strange};

pub(super) use routes::meet;

/// The dumps, and which command prints each.
#[rustfmt::skip]
const FILES: &[(&str, &str)] = &[
    ("cilium-endpoints.json", "cilium endpoint list -o json"),
    ("cilium-ipcache.json", "cilium bpf ipcache list -o json"),
    ("cilium-services.json", "cilium service list -o json"),
    ("cilium-status.json", "cilium status -o json"),
];
/// Adds to a node what Cilium decides there, where all of its maps are there; else says what is missing.
pub(super) fn apply(files: Files<'_>, draft: &mut Draft, problems: &mut Problems) {
    let missing: Vec<&str> = FILES
        .iter()
        .map(|(file, _)| *file)
        .filter(|file| !files.has(file))
        .collect();
    if missing.is_empty() {
        let maps = maps::read(files, problems);
        let passed = chains::gone_past(&draft.netns.chains);
        draft.netns.unmodelled.retain(|s| !decided_by(s));
        draft.netns.unmodelled.extend(passed);
        let tunneled = routes::install(&maps, draft);
        chains::install(&maps, tunneled, draft);
    } else if draft.netns.role == Role::Node {
        let cilium = draft.netns.unmodelled.iter_mut().filter(|s| decided_by(s));
        for strange in cilium {
            strange.what = format!(
                "{}, and {} not beside the dumps",
                strange.what,
                are(&missing)
            );
        }
    }
}

fn are(missing: &[&str]) -> String {
    let verb = if missing.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", missing.join(", "))
}

/// Whether what is not modelled is a device of Cilium.
fn decided_by(strange: &Strange) -> bool {
    strange
        .what
        .ends_with("eBPF programs of Cilium decide what happens to messages")
}
