//! One switch, one header: does a rule match, and which is the first that does.
//!
//! Knows: the meaning of a match and of a rewrite. Must never know: paths, formulas, SMT.

use crate::network::fib::{Action, Fib, FibRule, Match, Rewrite, State};
use crate::network::header::Header;

/// Whether a rule's match takes a header. Wildcards take both families; a prefix takes its own family only.
pub fn matches(rule: &Match, header: &Header) -> bool {
    rule.protocol.is_none_or(|p| p == header.protocol)
        && rule.from.is_none_or(|net| net.contains(&header.source))
        && rule.to.is_none_or(|net| net.contains(&header.destination))
        && rule
            .from_ports
            .as_ref()
            .is_none_or(|ports| ports.contains(header.source_port))
        && rule
            .to_ports
            .as_ref()
            .is_none_or(|ports| ports.contains(header.destination_port))
}

/// First match wins. An answer is never translated anew: translation is decided by a connection's first message, and
/// the tables remember it.
pub fn lookup<'f>(fib: &'f Fib, header: &Header, state: State) -> Option<(usize, &'f FibRule)> {
    fib.iter().enumerate().find(|(_, rule)| {
        matches(&rule.matches, header)
            && rule.state.is_none_or(|wanted| wanted == state)
            && (state == State::New || !matches!(rule.action, Action::Translate(_)))
    })
}

/// The header after a rewrite. A hairpin (the new destination is the source itself) takes the hairpin source.
pub fn rewritten(header: &Header, rewrite: &Rewrite) -> Header {
    let destination = rewrite.destination.unwrap_or(header.destination);
    let source = match rewrite.hairpin_source {
        Some(own) if header.source == destination => own,
        _ => rewrite.source.unwrap_or(header.source),
    };
    Header {
        protocol: header.protocol,
        source,
        source_port: rewrite.source_port.unwrap_or(header.source_port),
        destination,
        destination_port: rewrite.destination_port.unwrap_or(header.destination_port),
    }
}
