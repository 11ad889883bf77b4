//! Devices on top of others that leave nothing to them.
//!
//! Knows: whose device may be below. Must never know: other kinds of devices (`lower` says what is not known of them).

use super::namespace::Draft;
use super::strange::PASSTHRU;
use crate::model::linux::{LinkKind, Reach, Strange};

/// Devices that leave nothing to the one below them, which is of the same namespace or of the node's.
pub(super) fn starved(drafts: &mut [Draft]) {
    let mut all: Vec<(usize, Strange)> = Vec::new();
    for (at, draft) in drafts.iter().enumerate() {
        let devices = draft.links.iter().map(|l| &l.interface);
        let devices = devices
            .filter(|i| matches!(&i.kind, LinkKind::Other(kind) if kind.ends_with(PASSTHRU)));
        for device in devices {
            let what = format!(
                "device {} of {}: all that comes in by the device below it is for it",
                device.name, draft.netns.name
            );
            for host in [Some(at), draft.netns.node].into_iter().flatten() {
                let strange = Strange {
                    what: what.clone(),
                    reach: Reach::Messages,
                    origin: device.origin,
                };
                all.push((host, strange));
            }
        }
    }
    for (at, strange) in all {
        if let Some(draft) = drafts.get_mut(at) {
            draft.netns.unmodelled.push(strange);
        }
    }
}
