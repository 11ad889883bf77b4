//! What the kinds of policies have in common: blocks of addresses, names of ports, lists that must not be empty.
//!
//! Source: `pkg/apis/networking/validation`; `apimachinery/pkg/util/validation`.
//! Must never know: which pods are meant.

use crate::base::diag::Diagnostic;
use crate::input::decode::{self, Fields, show};
use crate::input::problems::Problems;
use crate::input::yaml::{Entry, Node};
use crate::model::inet::IpNet;

/// The codes of this stage, with a title each.
pub const CODES: &[(&str, &str)] = &[
    ("P001", "a peer, port or subject that says nothing"),
    ("P002", "fields that exclude each other"),
    (
        "P003",
        "an exception that does not lie strictly inside its prefix",
    ),
    ("P004", "a range of ports that is none"),
    ("P005", "a text is no key or no value of a label"),
    (
        "P006",
        "values that the operator of an expression cannot have",
    ),
    ("P007", "a text is no name of a port"),
    ("P008", "more items than a policy may have"),
    ("P009", "a field of an older version that is not read"),
    ("P010", "a name that a policy of this kind must have"),
    ("P011", "an action that its peers do not allow"),
    ("P012", "a prefix with bits set beyond its length"),
    ("P013", "an item that says nothing"),
];

/// A prefix as the API server takes it: bits beyond its length are ignored, and told.
pub(super) fn cidr(node: Node<'_>, problems: &mut Problems) -> Option<IpNet> {
    let text = decode::string(node, problems)?;
    if !text.contains('/') {
        let message = format!("{} is no prefix", show(text));
        let mut diagnostic = Diagnostic::error("I022", node.span(), message);
        if let Ok(ip) = decode::ip(text) {
            diagnostic = diagnostic.help(format!("write `{}`", IpNet::from(ip)));
        }
        problems.push(diagnostic);
        return None;
    }
    let loose: Option<IpNet> = text.parse().ok();
    if let Some(net) = loose.filter(|net| net.addr() != net.network() && plain(text)) {
        let message = format!("{} has bits set beyond its length", show(text));
        let help = format!("the API server takes it for `{}`", net.trunc());
        let diagnostic = Diagnostic::error("P012", node.span(), message);
        problems.push(diagnostic.warning().help(help));
        return Some(net.trunc());
    }
    decode::prefix(node, problems)
}

/// Whether an address is spelled in the one way that nobody reads differently.
fn plain(text: &str) -> bool {
    text.split_once('/').is_some_and(|(address, length)| {
        let zeros = length.len() > 1 && length.starts_with('0');
        decode::ip(address).is_ok() && !zeros
    })
}

/// The name of a port.
pub(super) fn port_name(node: Node<'_>, problems: &mut Problems) -> Option<String> {
    let text = decode::string(node, problems)?;
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let trouble = if text.is_empty() || text.len() > 15 {
        "is 1 to 15 characters long"
    } else if !text.bytes().all(inner) {
        "holds small letters, digits and `-` only"
    } else if !text.bytes().any(|b| b.is_ascii_lowercase()) {
        "holds at least one letter"
    } else if text.starts_with('-') || text.ends_with('-') || text.contains("--") {
        "has no `-` at its ends and no two of them in a row"
    } else {
        return Some(text.to_owned());
    };
    let message = format!("{} is no name of a port: such a name {trouble}", show(text));
    let mut diagnostic = Diagnostic::error("P007", node.span(), message);
    if text.parse::<u16>().is_ok() {
        diagnostic = diagnostic.help("a port number is written without quotes");
    }
    problems.push(diagnostic);
    None
}

/// The items of a list; none where it is absent, null or empty.
pub(super) fn items<'t>(
    fields: &mut Fields<'t>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<Vec<Node<'t>>> {
    let items: Vec<Node<'t>> = fields.list(key, problems).collect();
    (!items.is_empty()).then_some(items)
}

/// Tells a list that is longer than allowed.
pub(super) fn bound(items: &[Node<'_>], most: usize, what: &str, problems: &mut Problems) {
    if let Some(first) = items.get(most) {
        let message = format!("more than {most} {what}");
        problems.push(Diagnostic::error("P008", first.span(), message));
    }
}

/// The one field of several that is there.
pub(super) fn exactly_one<'t>(
    node: Node<'t>,
    what: &str,
    fields: &mut Fields<'t>,
    keys: &[&'static str],
    problems: &mut Problems,
) -> Option<(&'static str, Entry<'t>)> {
    let given = keys.iter().map(|&key| (key, fields.entry(key)));
    let given: Vec<_> = given.filter_map(|(key, e)| Some((key, e?))).collect();
    match given.as_slice() {
        [one] => Some(*one),
        [] => {
            let message = format!("{what} wants one of {}", decode::all_of(keys));
            // Another field may be a typing mistake, which is told in any case.
            problems.push(Diagnostic::error("P001", node.span(), message));
            None
        }
        [_, (key, second), ..] => {
            let message = format!("{what} has one of {}, not several", decode::all_of(keys));
            let help = format!("leave out `{key}`, or write it as an item of its own");
            problems.push(Diagnostic::error("P002", second.key_span, message).help(help));
            None
        }
    }
}
