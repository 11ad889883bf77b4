//! The Kubernetes objects of one PATH, gathered document by document, until one cluster is made of them.
//!
//! Knows: lists, names that are there twice, kinds that are not modelled. Must never know: the fields of a kind.

use std::collections::{BTreeMap, HashMap};

use super::decode::show;
use super::identify::{Identity, identify};
use super::kubernetes::{self, About, Objects};
use super::linux::{self, Draught};
use super::problems::{Problems, TOLD};
use super::yaml::{Node, Value};
use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::model::cluster::{Cluster, Reading, Unmodelled, Unread};
use crate::model::inet::IpNet;

/// How Kubernetes objects become a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    /// `--together`: the objects of all PATHs are one cluster.
    pub together: bool,
    /// `--ignore-kind`: kinds that are not modelled and are to be ignored.
    pub ignore_kinds: Vec<String>,
    /// `--pod-cidr`: what addresses of pods that have none are chosen from.
    pub pod_cidrs: Vec<IpNet>,
    /// PATHs of which something could not be read: their objects are not all there.
    pub incomplete: Vec<String>,
}

/// What belongs to one cluster of Kubernetes objects.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// The PATH as given; of several, joined.
    pub(super) path: String,
    /// What the cluster is called; the PATH, or the folder of a snapshot where the PATH holds several.
    called: String,
    objects: Objects,
    reading: Reading,
    unread: BTreeMap<(String, String), Unread>,
    /// Where each object is written, by kind, namespace and name.
    names: HashMap<(&'static str, String, String), Span>,
    /// Where the first object that is read is written.
    first: Option<Span>,
    /// The snapshot that the objects lie beside: where it is written, its own name, and what was read of it.
    snapshot: Option<(Span, Option<String>, Option<Draught>)>,
    /// Some object, or some text, could not be read: nothing is to be said of the rest.
    pub(super) broken: bool,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// What becomes of it.
#[derive(Debug)]
pub(super) enum Outcome {
    /// A cluster; none where something is wrong.
    Cluster {
        name: String,
        path: String,
        origin: Span,
        cluster: Option<Box<Cluster>>,
        diagnostics: Vec<Diagnostic>,
    },
    /// No object of it is read.
    Nothing(Vec<Diagnostic>),
}

/// Kinds that are in no namespace.
const CLUSTER_WIDE: &[&str] = &[
    "Node",
    "Namespace",
    "ClusterNetworkPolicy",
    "AdminNetworkPolicy",
    "BaselineAdminNetworkPolicy",
];

impl Gathered {
    /// Nothing yet, of this PATH.
    pub(super) fn of(path: String, called: String) -> Self {
        Self {
            path,
            called,
            ..Self::default()
        }
    }

    /// Takes an object of a kind that is read.
    pub(super) fn object(&mut self, kind: &'static str, node: Node<'_>, problems: &mut Problems) {
        self.first.get_or_insert(node.span());
        self.twice(kind, node, problems);
        kubernetes::read(kind, node, problems, &mut self.objects);
    }

    fn twice(&mut self, kind: &'static str, node: Node<'_>, problems: &mut Problems) {
        let meta = || node.as_map()?.get("metadata")?.value.as_map();
        let Some(meta) = meta() else {
            return;
        };
        let text = |key| {
            meta.get(key)
                .and_then(|e| Some((e.value.as_str()?, e.value.span())))
        };
        let Some((name, span)) = text("name") else {
            return;
        };
        let namespace = match text("namespace") {
            _ if CLUSTER_WIDE.contains(&kind) => "",
            Some(("", _)) | None => "default",
            Some((namespace, _)) => namespace,
        };
        let key = (kind, namespace.to_owned(), name.to_owned());
        if let Some(&there) = self.names.get(&key) {
            let within = if namespace.is_empty() {
                String::new()
            } else {
                format!(" in the namespace {}", show(namespace))
            };
            let message = format!("the {kind} {} is there twice{within}", show(name));
            let diagnostic =
                Diagnostic::error("K001", span, message).related(there, "first written here");
            problems.push(diagnostic.help("only one of them can be in force; leave the other out"));
        } else {
            self.names.insert(key, span);
        }
    }

    /// Takes the items of a list, and of lists in it.
    pub(super) fn list(
        &mut self,
        items: Node<'_>,
        api_version: &str,
        kind: Option<&str>,
        choices: &Choices,
        problems: &mut Problems,
    ) {
        let Value::Seq(items) = items.value() else {
            return;
        };
        for item in items.iter() {
            let inherited = kind.map(|kind| (api_version, kind));
            self.item(item, inherited, choices, problems);
        }
    }

    /// Takes an item of a list, which may leave it to the list what it is.
    pub(super) fn item(
        &mut self,
        item: Node<'_>,
        inherited: Option<(&str, &str)>,
        choices: &Choices,
        problems: &mut Problems,
    ) {
        match identify(item, inherited, problems) {
            Identity::Object(kind) => self.object(kind, item, problems),
            Identity::List {
                items,
                api_version,
                kind,
            } => {
                if let Some(items) = items {
                    self.list(items, api_version, kind, choices, problems);
                }
            }
            Identity::Unmodelled { api_version, kind } => {
                self.unmodelled(api_version, kind, item.span(), choices);
            }
            Identity::Unknown { api_version, kind } => {
                self.unknown(api_version, kind, item.span());
            }
            Identity::Cluster | Identity::Snapshot | Identity::Intent | Identity::Ours { .. } => {
                let message = "an object of ours stands by itself and not in a list";
                problems.push(Diagnostic::error("I016", start_of(item.span()), message));
            }
            Identity::Stray => {
                let message = "an item of a list is no object with `apiVersion` and `kind`";
                problems.push(Diagnostic::error("I016", start_of(item.span()), message));
            }
            Identity::Wrong => {}
        }
    }

    /// Takes note of an object that can change who reaches whom.
    pub(super) fn unmodelled(
        &mut self,
        api_version: &str,
        kind: &str,
        origin: Span,
        choices: &Choices,
    ) {
        let object = Unmodelled {
            kind: kind.to_owned(),
            api_version: api_version.to_owned(),
            origin: start_of(origin),
        };
        if choices.ignore_kinds.iter().any(|k| k == kind) {
            self.reading.ignored.push(object);
        } else {
            self.reading.unmodelled.push(object);
        }
    }

    /// Takes note of an object that changes nothing.
    pub(super) fn unknown(&mut self, api_version: &str, kind: &str, origin: Span) {
        let key = (kind.to_owned(), api_version.to_owned());
        let entry = self.unread.entry(key).or_insert_with(|| Unread {
            kind: kind.to_owned(),
            api_version: api_version.to_owned(),
            count: 0,
            origin: start_of(origin),
        });
        entry.count += 1;
    }

    /// Takes what was read of a snapshot, which may be nothing.
    pub(super) fn snapshot(
        &mut self,
        node: Node<'_>,
        name: Option<String>,
        read: Option<Draught>,
        problems: &mut Problems,
    ) {
        let origin = start_of(node.span());
        if let Some((there, ..)) = self.snapshot {
            let message = "a second LinuxSnapshot in one folder";
            problems
                .push(Diagnostic::error("S001", origin, message).related(there, "the first one"));
            return;
        }
        self.snapshot = Some((origin, name, read));
    }

    /// The cluster, where there is an object that is read; else what is to be said of the others.
    pub(super) fn finish(mut self, choices: &Choices) -> Outcome {
        let (snapshot, of_snapshot, draught) = match self.snapshot.take() {
            Some((origin, name, draught)) => (Some(origin), name, draught),
            None => (None, None, None),
        };
        let Some(first) = snapshot.or(self.first) else {
            self.diagnostics.extend(self.others());
            return Outcome::Nothing(self.diagnostics);
        };
        let name = of_snapshot.unwrap_or_else(|| self.called.clone());
        let about = About {
            name: name.clone(),
            path: self.path.clone(),
            origin: start_of(first),
            pod_cidrs: choices.pod_cidrs.clone(),
        };
        // Of a snapshot it is known what they lead to.
        if snapshot.is_none() {
            for object in kubernetes::strange::strange(&self.objects) {
                self.unmodelled(&object.api_version, &object.kind, object.origin, choices);
            }
        }
        let mut problems = Problems::with_room(TOLD);
        let cluster = match draught {
            _ if self.broken => None,
            None if snapshot.is_some() => None,
            None => kubernetes::assemble(self.objects, about, &mut problems),
            Some(draught) => linux::assemble(draught, self.objects, about, &mut problems),
        };
        self.diagnostics.extend(problems.into_list());
        let cluster = cluster.map(|mut cluster| {
            cluster.reading.unmodelled = self.reading.unmodelled;
            cluster.reading.ignored = self.reading.ignored;
            cluster.reading.unread = self.unread.into_values().collect();
            Box::new(cluster)
        });
        Outcome::Cluster {
            name,
            path: self.path,
            origin: start_of(first),
            cluster,
            diagnostics: self.diagnostics,
        }
    }

    /// Where no object is read: what is there all the same.
    fn others(&self) -> Vec<Diagnostic> {
        let unread = self
            .unread
            .values()
            .map(|u| (u.count, &u.kind, &u.api_version, u.origin));
        let unmodelled = self.reading.unmodelled.iter();
        let unmodelled = unmodelled.map(|u| (1, &u.kind, &u.api_version, u.origin));
        let all = unread
            .chain(unmodelled)
            .map(|(count, kind, version, origin)| {
                let plural = if count == 1 { "object" } else { "objects" };
                let message = format!(
                    "{count} {plural} of kind {} ({}) not read",
                    show(kind),
                    show(version)
                );
                Diagnostic::error("K008", origin, message).warning()
            });
        all.collect()
    }
}

/// The beginning of a document is where to point; underlining all of it helps nobody.
pub(super) fn start_of(span: Span) -> Span {
    span.beginning()
}
