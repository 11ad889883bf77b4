//! What became reachable between two clusters and what stopped, as text and JSON.
//!
//! Knows: formats. Must never know: how differences are found.

use std::fmt::Write as _;

use crate::base::source::SourceMap;
use crate::connectivity::compare::{Comparison, Difference, Side, Subject};
use crate::connectivity::witness::{Arrival, Walked, Witness};
use crate::model::inet::PortSet;
use crate::network::graph::Network;

use super::json;
use super::names::{Names, printable};
use super::run::Assumption;
use super::trace::Teller;

/// One of the two clusters.
#[derive(Debug)]
pub struct Cluster<'a> {
    /// Its names.
    pub names: Names<'a>,
    /// Its network.
    pub network: &'a Network,
    /// Its texts.
    pub sources: &'a SourceMap,
    /// What was taken for granted.
    pub assumptions: Vec<Assumption>,
    /// Why messages were walked; none where sets were computed with.
    pub walked: Option<&'static str>,
}

/// What is written down.
#[derive(Debug)]
pub struct Report<'a> {
    /// Before.
    pub old: Cluster<'a>,
    /// After.
    pub new: Cluster<'a>,
    /// Everybody on either side.
    pub subjects: Vec<Subject>,
    /// What differs, in order, each with its witness where one was walked.
    pub differences: Vec<(Difference, Option<Witness>)>,
    /// Kinds that are not modelled and could decide otherwise.
    pub unmodelled: Vec<String>,
    /// What the input does not say, and could decide otherwise where no difference was found.
    pub hangs: Vec<String>,
}

impl<'a> Report<'a> {
    fn name(&self, subject: usize) -> &Subject {
        &self.subjects[subject]
    }

    fn side(&self, side: Side) -> &Cluster<'a> {
        match side {
            Side::Old => &self.old,
            Side::New => &self.new,
        }
    }

    /// `old` or `new` where the sender or the receiver is on one side only.
    fn only(&self, difference: &Difference) -> Option<&'static str> {
        let ends = [self.name(difference.from), self.name(difference.to)];
        if ends.iter().any(|s| s.new.is_none()) {
            Some("old")
        } else if ends.iter().any(|s| s.old.is_none()) {
            Some("new")
        } else {
            None
        }
    }

    /// Whether nothing is left that could decide otherwise.
    pub fn sure(&self) -> bool {
        self.unmodelled.is_empty() && self.hangs.is_empty()
    }

    /// For which messages it is said.
    fn universe(&self) -> String {
        let both = self
            .subjects
            .iter()
            .filter(|s| s.old.is_some() && s.new.is_some());
        let how = match (self.old.walked, self.new.walked) {
            (None, None) => "computed with sets of ports and addresses",
            _ => "each class of messages walked",
        };
        format!(
            "all messages of all protocols and ports between the {} entities and regions of the outside that are on both sides, {how}",
            both.count()
        )
    }

    /// How many pairs and protocols became reachable, and how many stopped.
    fn counts(&self) -> (usize, usize) {
        let some = |set: &PortSet| !set.ranges().is_empty();
        let count = |of: fn(&Difference) -> &PortSet| {
            self.differences.iter().filter(|(d, _)| some(of(d))).count()
        };
        (count(|d| &d.became), count(|d| &d.stopped))
    }
}

/// What differs, for everybody: who is on one side only is no difference by itself.
pub fn all_differences(comparison: &mut Comparison<'_>) -> Vec<Difference> {
    let mut all = Vec::new();
    for from in 0..comparison.subjects().len() {
        all.extend(comparison.from(from));
    }
    all
}

/// For people.
pub fn text(report: &Report<'_>) -> String {
    let mut out = String::new();
    let shown = |s: &Subject| match s.names.as_slice() {
        [first, rest @ ..] if rest.len() > 2 => {
            printable(&format!("{first} and {} more prefixes", rest.len()))
        }
        few => printable(&few.join(", ")),
    };
    for (difference, witness) in &report.differences {
        let (from, to) = (report.name(difference.from), report.name(difference.to));
        let only = match report.only(difference) {
            Some(side) => format!("  (in {side} only)"),
            None => String::new(),
        };
        for (sign, ports) in [("+", &difference.became), ("-", &difference.stopped)] {
            if !ports.ranges().is_empty() {
                let _ = writeln!(
                    out,
                    "{sign} {} → {}  {} {ports}{only}",
                    shown(from),
                    shown(to),
                    difference.protocol
                );
            }
        }
        if let Some(witness) = witness {
            for (word, side, walked) in [
                ("old", Side::Old, &witness.old),
                ("new", Side::New, &witness.new),
            ] {
                out.push_str(&walked_text(report.side(side), word, walked.as_ref()));
            }
            out.push('\n');
        }
    }
    if report.differences.is_empty() {
        let word = if report.sure() {
            "equivalent"
        } else {
            "undecided"
        };
        let _ = writeln!(out, "{word}: no difference in {}", report.universe());
    } else {
        let (became, stopped) = report.counts();
        let _ = writeln!(
            out,
            "different: {became} became reachable (+), {stopped} stopped being reachable (-); asked: {}",
            report.universe()
        );
        let without = report
            .differences
            .iter()
            .filter(|(_, w)| w.is_none())
            .count();
        if without > 0 {
            let _ = writeln!(out, "{without} without their messages; --traces shows more");
        }
    }
    for kind in &report.unmodelled {
        let _ = writeln!(
            out,
            "not modelled, and could decide otherwise: {}",
            printable(kind)
        );
    }
    for hangs in &report.hangs {
        let _ = writeln!(out, "not said, and could decide otherwise: {hangs}");
    }
    let mut told = Vec::new();
    for a in report.old.assumptions.iter().chain(&report.new.assumptions) {
        if !told.contains(&(a.id, &a.value)) {
            told.push((a.id, &a.value));
            let _ = writeln!(out, "assuming {}={}: {}", a.id, a.value, a.meaning);
        }
    }
    out
}

fn walked_text(cluster: &Cluster<'_>, word: &str, walked: Option<&Walked>) -> String {
    let Some(walked) = walked else {
        return format!("    {word}: nobody to send it, or nobody to send it to\n");
    };
    let teller = Teller {
        names: &cluster.names,
        network: cluster.network,
        sources: cluster.sources,
    };
    let arrives = match walked.arrives {
        Arrival::Always => "arrives",
        Arrival::Sometimes => "arrives for some choices",
        Arrival::Never => "does not arrive",
    };
    format!(
        "    {word}: {} {arrives}\n{}",
        walked.header,
        teller.trace(&walked.trace, "      ")
    )
}

/// `schemaVersion: 1`.
pub fn json(report: &Report<'_>, diagnostics: &str) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let (became, stopped) = report.counts();
    let mut out = format!(
        "{{\n  \"schemaVersion\": 1,\n  \"old\": {{\"name\": {}, \"path\": {}}},\n  \"new\": {{\"name\": {}, \"path\": {}}},\n",
        quoted(&report.old.names.cluster().name),
        quoted(&report.old.names.cluster().path),
        quoted(&report.new.names.cluster().name),
        quoted(&report.new.names.cluster().path),
    );
    let verdict = match (report.differences.is_empty(), report.sure()) {
        (true, true) => "equivalent",
        (true, false) => "undecided",
        (false, _) => "different",
    };
    let _ = write!(
        out,
        "  \"verdict\": \"{verdict}\",\n  \"universe\": {},\n  \"differences\": [",
        quoted(&report.universe())
    );
    let mut first = true;
    for (difference, witness) in &report.differences {
        let one = |side: Side, walked: Option<&Walked>| match walked {
            None => "null".to_owned(),
            Some(w) => {
                let cluster = report.side(side);
                json::walked(
                    w.sender,
                    w.header,
                    &w.trace,
                    &cluster.names,
                    cluster.network,
                    cluster.sources,
                )
            }
        };
        let witness = witness.as_ref().map_or_else(
            || "null".to_owned(),
            |w| {
                format!(
                    "{{\"port\": {}, \"old\": {}, \"new\": {}}}",
                    w.port,
                    one(Side::Old, w.old.as_ref()),
                    one(Side::New, w.new.as_ref())
                )
            },
        );
        let only = report
            .only(difference)
            .map_or_else(|| "null".to_owned(), quoted);
        for from in &report.name(difference.from).names {
            for to in &report.name(difference.to).names {
                out.push_str(if first { "\n" } else { ",\n" });
                first = false;
                let _ = write!(
                    out,
                    "    {{\"from\": {}, \"to\": {}, \"protocol\": \"{}\", \"became\": \"{}\", \"stopped\": \"{}\", \"onlyIn\": {only}, \"witness\": {witness}}}",
                    quoted(from),
                    quoted(to),
                    difference.protocol,
                    difference.became,
                    difference.stopped
                );
            }
        }
    }
    let close = if first { "]" } else { "\n  ]" };
    let unmodelled = serde_json::Value::from(report.unmodelled.clone());
    let hangs = serde_json::Value::from(report.hangs.clone());
    let _ = write!(
        out,
        "{close},\n  \"summary\": {{\"became\": {became}, \"stopped\": {stopped}}},\n  \"unmodelled\": {unmodelled},\n  \"undecided\": {hangs},\n  \"diagnostics\": {diagnostics}\n}}\n"
    );
    out
}
