//! For people: a block for each sender, columns within it.
//!
//! Must never know: formats for programs.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::base::diag::Diagnostic;
use crate::base::source::SourceMap;
use crate::connectivity::group::Line;
use crate::connectivity::ports::PortTable;
use crate::report::names::printable;

use super::{Format, Head};

/// The writer.
#[derive(Debug, Default)]
pub struct Text {
    pairs: usize,
    senders: usize,
    partial: bool,
}

/// `10.0.0.0/8 and 11 more prefixes`.
fn name(head: &Head<'_>, group: usize) -> String {
    let names = &head.groups.all()[group].names;
    match names.as_slice() {
        [first, second, rest @ ..] if rest.len() > 1 => printable(&format!(
            "{first}, {second} and {} more prefixes",
            rest.len()
        )),
        some => printable(&some.join(", ")),
    }
}

impl Format for Text {
    fn begin(&mut self) -> String {
        String::new()
    }

    fn head(&mut self, head: &Head<'_>) -> String {
        *self = Self::default();
        let what = if head.basis == "allowed" {
            "what policies and routes permit, whether or not anybody listens"
        } else {
            "ports on which a message is received"
        };
        let cluster = printable(head.name);
        let path = if head.name == head.path {
            String::new()
        } else {
            format!(" ({})", printable(head.path))
        };
        format!("cluster {cluster}{path}: {what}\n")
    }

    fn lines(&mut self, head: &Head<'_>, ports: &PortTable, lines: &[Line]) -> String {
        let Some(first) = lines.first() else {
            return String::new();
        };
        let mut out = format!("\n{}\n", name(head, first.from));
        let pairs: BTreeSet<usize> = lines.iter().map(|l| l.to).collect();
        self.pairs += pairs.len();
        self.senders += 1;
        let width = pairs.iter().map(|to| name(head, *to).chars().count());
        let width = width.filter(|w| *w <= 60).max().unwrap_or_default();
        let mut before = None;
        for line in lines {
            let to = if before == Some(line.to) {
                String::new()
            } else {
                name(head, line.to)
            };
            before = Some(line.to);
            let mut on = ports.set(line.all).to_string();
            if line.some != PortTable::NONE {
                self.partial = true;
                let gap = if on.is_empty() { "" } else { " " };
                let _ = write!(on, "{gap}[{}]", ports.set(line.some));
            }
            let _ = writeln!(out, "  → {to:width$}  {:4}  {on}", line.protocol);
        }
        out
    }

    fn foot(&mut self, head: &Head<'_>) -> String {
        let plural =
            |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
        let mut out = format!(
            "\n{} from {} of {}.",
            plural(self.pairs, "connection", "connections"),
            plural(self.senders, "sender", "senders"),
            plural(head.groups.all().len(), "party", "parties")
        );
        if self.partial {
            out.push_str(
                " [Ports] in brackets: for some endpoints, addresses or pods, not for all.",
            );
        }
        match head.walked {
            None => out.push_str(" Computed with sets of ports and addresses, for all messages.\n"),
            Some(why) => {
                let _ = writeln!(out, " Each class of messages was walked: {why}.");
            }
        }
        for a in &head.assumptions {
            let _ = writeln!(out, "assumed: {}={} ({})", a.id, a.value, a.meaning);
        }
        out
    }

    fn failed(&mut self, name: &str, _: &str) -> String {
        format!(
            "cluster {}: not asked about, the input is bad\n",
            printable(name)
        )
    }

    fn end(&mut self, _: &SourceMap, _: &[Diagnostic]) -> String {
        String::new()
    }
}
