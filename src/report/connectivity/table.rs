//! CSV, DOT and Markdown.
//!
//! Must never know: JSON.

use std::fmt::Write as _;

use crate::base::diag::Diagnostic;
use crate::base::source::SourceMap;
use crate::connectivity::group::Line;
use crate::connectivity::ports::{PortTable, PortsId};
use crate::report::names::printable;

use super::{Format, Head};

/// A class of the outside, as one name.
fn joined(head: &Head<'_>, group: usize) -> String {
    printable(&head.groups.all()[group].names.join(", "))
}

/// Both kinds of ports of a line, with the word that tells them apart.
fn kinds(line: &Line) -> impl Iterator<Item = (PortsId, &'static str)> {
    [(line.all, "all"), (line.some, "some")]
        .into_iter()
        .filter(|(ports, _)| *ports != PortTable::NONE)
}

/// RFC 4180, with a header line.
#[derive(Debug, Default)]
pub struct Csv;

/// A field of CSV: quoted where it must be. What a spreadsheet would take for a formula is no field of ours: names
/// begin with a kind or a digit.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

impl Format for Csv {
    fn begin(&mut self) -> String {
        "cluster,from,to,protocol,ports,basis,holds\n".to_owned()
    }

    fn head(&mut self, _: &Head<'_>) -> String {
        String::new()
    }

    fn lines(&mut self, head: &Head<'_>, ports: &PortTable, lines: &[Line]) -> String {
        let mut out = String::new();
        let cluster = field(head.name);
        for line in lines {
            for (on, holds) in kinds(line) {
                let on = field(&ports.set(on).to_string());
                for from in &head.groups.all()[line.from].names {
                    for to in &head.groups.all()[line.to].names {
                        let _ = writeln!(
                            out,
                            "{cluster},{},{},{},{on},{},{holds}",
                            field(from),
                            field(to),
                            line.protocol,
                            head.basis
                        );
                    }
                }
            }
        }
        out
    }

    fn foot(&mut self, _: &Head<'_>) -> String {
        String::new()
    }

    fn failed(&mut self, _: &str, _: &str) -> String {
        String::new()
    }

    fn end(&mut self, _: &SourceMap, _: &[Diagnostic]) -> String {
        String::new()
    }
}

/// Graphviz: an edge for each pair, a cluster box for each cluster.
#[derive(Debug, Default)]
pub struct Dot {
    clusters: usize,
}

fn dot_quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl Format for Dot {
    fn begin(&mut self) -> String {
        "digraph connectivity {\n  rankdir=LR;\n  node [shape=box];\n".to_owned()
    }

    fn head(&mut self, head: &Head<'_>) -> String {
        self.clusters += 1;
        let mut out = format!(
            "  subgraph cluster_{} {{\n    label={};\n",
            self.clusters,
            dot_quoted(&printable(head.name))
        );
        for (i, _) in head.groups.all().iter().enumerate() {
            let name = joined(head, i);
            let _ = writeln!(
                out,
                "    n{}_{i} [label={}];",
                self.clusters,
                dot_quoted(&name)
            );
        }
        out
    }

    fn lines(&mut self, head: &Head<'_>, ports: &PortTable, lines: &[Line]) -> String {
        let _ = head;
        let mut out = String::new();
        let n = self.clusters;
        for same in lines.chunk_by(|a, b| (a.from, a.to) == (b.from, b.to)) {
            let mut labels = Vec::new();
            for line in same {
                for (on, holds) in kinds(line) {
                    let some = if holds == "some" { " (some)" } else { "" };
                    labels.push(format!("{} {}{some}", line.protocol, ports.set(on)));
                }
            }
            let dashed = same.iter().all(|l| l.all == PortTable::NONE);
            let style = if dashed { ", style=dashed" } else { "" };
            if let Some(line) = same.first() {
                let _ = writeln!(
                    out,
                    "    n{n}_{} -> n{n}_{} [label={}{style}];",
                    line.from,
                    line.to,
                    dot_quoted(&labels.join("; "))
                );
            }
        }
        out
    }

    fn foot(&mut self, _: &Head<'_>) -> String {
        "  }\n".to_owned()
    }

    fn failed(&mut self, _: &str, _: &str) -> String {
        String::new()
    }

    fn end(&mut self, _: &SourceMap, _: &[Diagnostic]) -> String {
        "}\n".to_owned()
    }
}

/// A table that GitHub and GitLab show.
#[derive(Debug, Default)]
pub struct Markdown;

fn cell(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|")
}

impl Format for Markdown {
    fn begin(&mut self) -> String {
        String::new()
    }

    fn head(&mut self, head: &Head<'_>) -> String {
        format!(
            "## Connectivity of {}\n\n| from | to | protocol | ports | for some only |\n|---|---|---|---|---|\n",
            cell(&printable(head.name))
        )
    }

    fn lines(&mut self, head: &Head<'_>, ports: &PortTable, lines: &[Line]) -> String {
        let mut out = String::new();
        for line in lines {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} |",
                cell(&joined(head, line.from)),
                cell(&joined(head, line.to)),
                line.protocol,
                ports.set(line.all),
                ports.set(line.some)
            );
        }
        out
    }

    fn foot(&mut self, head: &Head<'_>) -> String {
        let mut out = "\n".to_owned();
        for a in &head.assumptions {
            let _ = writeln!(out, "* {}={}: {}", a.id, a.value, a.meaning);
        }
        if !head.assumptions.is_empty() {
            out.push('\n');
        }
        out
    }

    fn failed(&mut self, name: &str, _: &str) -> String {
        format!(
            "## Connectivity of {}\n\nThe input was bad.\n\n",
            cell(&printable(name))
        )
    }

    fn end(&mut self, _: &SourceMap, _: &[Diagnostic]) -> String {
        String::new()
    }
}
