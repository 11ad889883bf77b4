//! Route tables of nodes, one route a line: docs/route-tables.md.
//!
//! Knows: the lines of such a text, of which there may be millions. Must never know: which route is the right one.
//!
//! Prefixes and nodes are looked up by how they are spelled, since each is spelled thousands of times.

use std::collections::HashMap;
use std::net::IpAddr;

use super::decode::show;
use super::json::{Cursor, Stop};
use super::problems::Problems;
use crate::base::diag::Diagnostic;
use crate::base::far::Far;
use crate::base::source::{SourceId, Span};
use crate::model::cluster::Cluster;
use crate::model::entity::EntityId;
use crate::model::inet::IpNet;
use crate::model::table::{NetId, Route, Table, Tables, look_up_order};

/// The codes of this stage, with a title each.
pub const CODES: &[(&str, &str)] = &[
    ("T001", "a text that is no route table"),
    ("T002", "a line of a route table that cannot be read"),
    ("T003", "a node or a prefix that a route table has twice"),
    ("T004", "a route table that is not among the texts"),
    ("T005", "a route table that no cluster speaks of"),
];

/// How a text of route tables begins.
const HEAD: &str = "kubeproof-routes v1";
/// No line that anybody means is longer.
const LONGEST: usize = 1000;

/// The tables in the making.
struct Reader<'c> {
    source: SourceId,
    /// Nodes, and the outside, by what they are called.
    switches: HashMap<Vec<u8>, EntityId>,
    cluster: &'c Cluster,
    nets: HashMap<Vec<u8>, NetId>,
    spelled: Vec<IpNet>,
    tables: Vec<Table>,
    /// Routes go nowhere: the line that names their node was wrong.
    lost: bool,
}

/// Reads a text of route tables into the tables of a cluster.
pub(super) fn read(
    source: SourceId,
    name: &str,
    far: &dyn Far,
    cluster: &Cluster,
    problems: &mut Problems,
) -> Tables {
    let mut reader = Reader {
        source,
        switches: switches(cluster),
        cluster,
        nets: HashMap::new(),
        spelled: Vec::new(),
        tables: Vec::new(),
        lost: false,
    };
    if let Err(stop) = reader.all(name, far, problems) {
        problems.push(*stop.0);
    }
    reader.finish(problems)
}

fn switches(cluster: &Cluster) -> HashMap<Vec<u8>, EntityId> {
    let nodes = cluster.nodes.iter().map(|node| node.id);
    let mut all = HashMap::new();
    for id in nodes.chain(cluster.outside) {
        let name = cluster.name_of(id);
        all.insert(name.to_string().into_bytes(), id);
        all.insert(name.short().as_bytes().to_vec(), id);
    }
    all
}

impl Reader<'_> {
    fn all(&mut self, name: &str, far: &dyn Far, problems: &mut Problems) -> Result<(), Stop> {
        let pieces = far.open().map_err(|why| {
            let message = format!("it cannot be read: {why}");
            let file = Some(name.to_owned());
            Stop(Box::new(Diagnostic::error_in("I004", file, message)))
        })?;
        let mut text = Cursor::new(self.source, name, pieces);
        text.skip_mark()?;
        let mut line = Vec::new();
        text.take_line(&mut line, LONGEST)?;
        if line.trim_ascii() != HEAD.as_bytes() {
            let place = Span::line(self.source, 1);
            let message = format!("a text of route tables begins with the line `{HEAD}`");
            return Err(Stop::at("T001", place, &message));
        }
        loop {
            let number = text.line();
            if !text.take_line(&mut line, LONGEST)? {
                return Ok(());
            }
            self.line(&line, number, problems);
        }
    }

    fn line(&mut self, line: &[u8], number: u32, problems: &mut Problems) {
        let line = line.trim_ascii();
        if line.is_empty() || line[0] == b'#' {
            return;
        }
        let blank = |b: &u8| matches!(b, b' ' | b'\t');
        let cut = line.iter().position(blank).unwrap_or(line.len());
        let (word, rest) = (&line[..cut], line[cut..].trim_ascii());
        if rest.is_empty() || rest.iter().any(blank) || line.len() >= LONGEST {
            let message = format!("{} is neither `at NODE` nor `PREFIX NODE`", shown(line));
            self.tell("T002", number, message, problems);
            return;
        }
        if word == b"at" {
            self.begin(rest, number, problems);
            return;
        }
        let net = match self.nets.get(word) {
            Some(net) => *net,
            None => match self.net(word) {
                Ok(net) => net,
                Err(message) => return self.tell("T002", number, message, problems),
            },
        };
        let Some(via) = self.switches.get(rest).copied() else {
            return self.nobody(rest, number, problems);
        };
        match self.tables.last_mut() {
            _ if self.lost => {}
            Some(table) => table.routes.push(Route {
                net,
                via,
                line: number,
            }),
            None => {
                let message = "a route stands before the first `at NODE`".to_owned();
                self.tell("T002", number, message, problems);
            }
        }
    }

    fn begin(&mut self, name: &[u8], number: u32, problems: &mut Problems) {
        if let Some(table) = self.tables.last_mut() {
            table.routes.shrink_to_fit();
        }
        let at = self.switches.get(name).copied();
        self.lost = at.is_none() || at == self.cluster.outside;
        match at {
            Some(at) if !self.lost => self.tables.push(Table {
                at,
                source: self.source,
                line: number,
                routes: Vec::new(),
            }),
            _ => self.nobody(name, number, problems),
        }
    }

    fn net(&mut self, word: &[u8]) -> Result<NetId, String> {
        let text = str::from_utf8(word).unwrap_or_default();
        let net = if text.contains('/') {
            text.parse::<IpNet>().ok()
        } else {
            text.parse::<IpAddr>().ok().map(IpNet::from)
        };
        let net = net.ok_or_else(|| format!("{} is no prefix", shown(word)))?;
        if net.trunc() != net {
            return Err(format!(
                "{} has bits behind its length: it is `{}`",
                shown(word),
                net.trunc()
            ));
        }
        let id = NetId(self.spelled.len() as u32);
        self.spelled.push(net);
        self.nets.insert(word.to_vec(), id);
        Ok(id)
    }

    fn nobody(&self, name: &[u8], number: u32, problems: &mut Problems) {
        let message = format!("{} names no node of this cluster", shown(name));
        self.tell("C002", number, message, problems);
    }

    fn tell(&self, code: &'static str, line: u32, message: String, problems: &mut Problems) {
        if !problems.skips() {
            let place = Span::line(self.source, line);
            problems.push(Diagnostic::error(code, place, message));
        }
    }

    /// Sorts everything into the order of look-up; tells what is there twice.
    fn finish(self, problems: &mut Problems) -> Tables {
        let mut nets = self.spelled.clone();
        nets.sort_by_key(look_up_order);
        nets.dedup();
        let final_id = |net: &IpNet| {
            let found = nets.binary_search_by_key(&look_up_order(net), look_up_order);
            NetId(found.unwrap_or_default() as u32)
        };
        let ids: Vec<NetId> = self.spelled.iter().map(final_id).collect();
        let mut tables = self.tables;
        for table in &mut tables {
            for route in &mut table.routes {
                route.net = ids[route.net.0 as usize];
            }
            if !table.routes.is_sorted_by_key(|route| route.net) {
                table.routes.sort_by_key(|route| route.net);
            }
            for pair in table.routes.windows(2).filter(|p| p[0].net == p[1].net) {
                let net = nets[pair[0].net.0 as usize];
                let message = format!("the prefix `{net}` is there twice in the table");
                let diagnostic = Diagnostic::error("T003", table.place(&pair[1]), message);
                problems.push(diagnostic.related(table.place(&pair[0]), "first written here"));
            }
        }
        tables.sort_by_key(|table| table.at);
        for pair in tables.windows(2).filter(|pair| pair[0].at == pair[1].at) {
            let name = self.cluster.name_of(pair[1].at);
            let message = format!("the table of `{name}` is there twice");
            let diagnostic = Diagnostic::error("T003", pair[1].origin(), message);
            problems.push(diagnostic.related(pair[0].origin(), "first written here"));
        }
        Tables {
            file: None,
            nets,
            tables,
        }
    }
}

fn shown(word: &[u8]) -> String {
    show(&String::from_utf8_lossy(word))
}
