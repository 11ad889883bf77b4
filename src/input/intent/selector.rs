//! Label selectors and keys of labels, as the API server reads them.
//!
//! Must never know: what is selected.

use crate::base::diag::Diagnostic;
use crate::input::decode;
use crate::input::kubernetes::selector::{self, key_trouble};
use crate::input::problems::Problems;
use crate::input::yaml::Node;
use crate::model::policy::Selector;

/// The key of a label.
pub(super) fn key(node: Node<'_>, problems: &mut Problems) -> Option<String> {
    let text = decode::string(node, problems)?;
    if let Some(trouble) = key_trouble(text) {
        problems.push(Diagnostic::error("J005", node.span(), trouble));
        return None;
    }
    Some(text.to_owned())
}

/// `matchLabels` and `matchExpressions`, all of which must hold: as in a policy.
pub(super) fn selector(node: Node<'_>, problems: &mut Problems) -> Option<Selector> {
    selector::read(node, problems)
}
