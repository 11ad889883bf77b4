//! JSON, `schemaVersion: 1` (`formats.md`, Output): one connection a line of text.
//!
//! Must never know: text for people.

use std::fmt::Write as _;

use crate::base::diag::Diagnostic;
use crate::base::source::SourceMap;
use crate::connectivity::group::Line;
use crate::connectivity::ports::{PortTable, PortsId};
use crate::report::json::diagnostics_value;

use super::{Format, Head};

/// The writer.
#[derive(Debug, Default)]
pub struct Json {
    clusters: usize,
    /// Names of the groups, quoted.
    names: Vec<Vec<String>>,
    /// Lines of the second list, which follow the first.
    partial: String,
    first: bool,
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Json {
    fn connection(
        &self,
        out: &mut String,
        first: &mut bool,
        head: &Head<'_>,
        ports: &PortTable,
        line: &Line,
        on: PortsId,
    ) {
        for from in &self.names[line.from] {
            for to in &self.names[line.to] {
                out.push_str(if *first { "\n" } else { ",\n" });
                *first = false;
                // By hand: millions of lines.
                let _ = write!(
                    out,
                    "        {{\"from\": {from}, \"to\": {to}, \"protocol\": \"{}\", \"ports\": \"{}\", \"basis\": \"{}\"}}",
                    line.protocol,
                    ports.set(on),
                    head.basis
                );
            }
        }
    }

    fn start(&mut self, name: &str, path: &str, failed: bool) -> String {
        let comma = if self.clusters == 0 { "\n" } else { ",\n" };
        self.clusters += 1;
        format!(
            "{comma}    {{\n      \"name\": {},\n      \"path\": {},\n      \"failed\": {failed},\n",
            quoted(name),
            quoted(path)
        )
    }
}

impl Format for Json {
    fn begin(&mut self) -> String {
        "{\n  \"schemaVersion\": 1,\n  \"clusters\": [".to_owned()
    }

    fn head(&mut self, head: &Head<'_>) -> String {
        let groups = head.groups.all().iter();
        self.names = groups
            .map(|g| g.names.iter().map(|n| quoted(n)).collect())
            .collect();
        self.partial.clear();
        self.first = true;
        let mut out = self.start(head.name, head.path, false);
        let assumptions: Vec<String> = head
            .assumptions
            .iter()
            .map(|a| {
                serde_json::json!({"id": a.id, "value": a.value, "default": a.default}).to_string()
            })
            .collect();
        let _ = writeln!(out, "      \"assumptions\": [{}],", assumptions.join(", "));
        let _ = writeln!(
            out,
            "      \"method\": \"{}\",",
            if head.walked.is_some() {
                "simulated"
            } else {
                "computed"
            }
        );
        out.push_str("      \"connections\": [");
        out
    }

    fn lines(&mut self, head: &Head<'_>, ports: &PortTable, lines: &[Line]) -> String {
        let mut out = String::with_capacity(lines.len() * 128);
        let mut first = self.first;
        let mut partial = std::mem::take(&mut self.partial);
        let mut first_partial = partial.is_empty();
        for line in lines {
            if line.all != PortTable::NONE {
                self.connection(&mut out, &mut first, head, ports, line, line.all);
            }
            if line.some != PortTable::NONE {
                self.connection(
                    &mut partial,
                    &mut first_partial,
                    head,
                    ports,
                    line,
                    line.some,
                );
            }
        }
        self.first = first;
        self.partial = partial;
        out
    }

    fn foot(&mut self, _: &Head<'_>) -> String {
        let end = |empty| if empty { "]" } else { "\n      ]" };
        format!(
            "{},\n      \"partial\": [{}{}\n    }}",
            end(self.first),
            self.partial,
            end(self.partial.is_empty())
        )
    }

    fn failed(&mut self, name: &str, path: &str) -> String {
        let mut out = self.start(name, path, true);
        out.push_str("      \"connections\": []\n    }");
        out
    }

    fn end(&mut self, sources: &SourceMap, diagnostics: &[Diagnostic]) -> String {
        let close = if self.clusters == 0 { "]" } else { "\n  ]" };
        let all = diagnostics_value(sources, diagnostics);
        format!("{close},\n  \"diagnostics\": {all}\n}}\n")
    }
}
