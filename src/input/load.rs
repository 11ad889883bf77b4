//! Which document of which text is what.
//!
//! Knows: `apiVersion` and `kind`, batches. Must never know: the fields of a kind.

use super::compact;
use super::decode::show;
use super::intent;
use super::problems::{Problems, TOLD};
use super::suggest::nearest;
use super::text;
use super::yaml::{self, Node};
use crate::base::diag::{Diagnostic, Severity};
use crate::base::source::{SourceId, SourceMap, Span};
use crate::model::cluster::Cluster;
use crate::model::intent::Intent;

/// Our own group and version.
const API_VERSION: &str = "kubeproof.dev/v1";
/// Our own kinds.
const KINDS: [&str; 3] = ["Cluster", "Intent", "LinuxSnapshot"];

/// What bounds the reading.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Larger texts are refused before they are parsed.
    pub max_file_size: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_file_size: 64 << 20,
        }
    }
}

impl Options {
    /// The largest text that is read, in bytes.
    pub fn largest(self) -> u64 {
        self.max_file_size.min(text::HARD_LIMIT)
    }
}

/// A text to read.
#[derive(Debug, Clone)]
pub struct Input {
    /// The text.
    pub source: SourceId,
    /// The PATH that it came with, as the user gave it: a file or a folder.
    pub path: String,
    /// Whether the text itself was named, and not the folder it lies in.
    pub named: bool,
}

/// A `kind: Cluster` document.
#[derive(Debug)]
pub struct LoadedCluster {
    /// `metadata.name`, else the PATH as given.
    pub name: String,
    /// The PATH as given.
    pub path: String,
    /// Where it is written.
    pub span: Span,
    /// The cluster, where nothing is wrong with it.
    pub cluster: Option<Cluster>,
    /// What is wrong with it, and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// A `kind: Intent` document.
#[derive(Debug)]
pub struct LoadedIntent {
    /// The PATH as given.
    pub path: String,
    /// The intent, where nothing is wrong with it.
    pub intent: Option<Intent>,
}

/// A document of a kind that is not read here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    /// Its apiVersion.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// The PATH that it came with.
    pub path: String,
    /// Where it is written.
    pub span: Span,
}

/// A text in a folder that is left aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRead {
    /// The text.
    pub source: SourceId,
    /// Why, as a clause.
    pub why: String,
}

/// Everything that the texts hold.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The clusters, in the order of the texts.
    pub clusters: Vec<LoadedCluster>,
    /// The intents, in the order of the texts.
    pub intents: Vec<LoadedIntent>,
    /// The constraint files: they are not parsed here.
    pub specs: Vec<SourceId>,
    /// Objects for somebody else.
    pub unsupported: Vec<Unsupported>,
    /// Texts left aside.
    pub not_read: Vec<NotRead>,
    /// Mistakes that belong to no cluster.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// All mistakes and warnings in the order of the texts, those without a place last.
    pub fn all_diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        let of_clusters = self.clusters.iter().flat_map(|c| &c.diagnostics);
        let mut all: Vec<&Diagnostic> = self.diagnostics.iter().chain(of_clusters).collect();
        all.sort_by_key(|d| (d.span.is_none(), d.span));
        all.into_iter()
    }

    /// Whether anything is wrong: exit code 2.
    pub fn failed(&self) -> bool {
        let broken = self.clusters.iter().any(|c| c.cluster.is_none());
        broken
            || self
                .all_diagnostics()
                .any(|d| d.severity == Severity::Error)
    }
}

/// Reads texts: each `kind: Cluster` is a cluster of its own.
pub fn load(sources: &SourceMap, inputs: &[Input], options: Options) -> Loaded {
    let mut loaded = Loaded::default();
    for input in inputs {
        one(sources, input, options, &mut loaded);
    }
    loaded
}

fn one(sources: &SourceMap, input: &Input, options: Options, loaded: &mut Loaded) {
    let source = sources.get(input.source);
    if source.text().len() as u64 > options.largest() {
        loaded.diagnostics.push(too_large(source.name(), options));
        return;
    }
    if let Some(diagnostic) = text::check(input.source, source.text()) {
        loaded.diagnostics.push(diagnostic);
        return;
    }
    if has_extension(source.name(), "spec") {
        loaded.specs.push(input.source);
        return;
    }
    let mut problems = Problems::with_room(TOLD);
    let read = yaml::parse(input.source, source.text(), &mut problems);
    let whole = Span {
        source: input.source,
        start: 0,
        end: 0,
    };
    let mut stray = Vec::new();
    let mut objects = 0_usize;
    let mut untold = 0;
    for document in read.documents() {
        let node = document.node;
        match identify(node, &mut problems) {
            Identity::Stray => stray.push(node.span()),
            Identity::Wrong => objects += 1,
            Identity::Other { api_version, kind } => {
                objects += 1;
                loaded.unsupported.push(Unsupported {
                    api_version: api_version.to_owned(),
                    kind: kind.to_owned(),
                    path: input.path.clone(),
                    span: node.span(),
                });
            }
            Identity::Intent => {
                objects += 1;
                let before = problems.errors();
                let intent = intent::intent(node, &mut problems);
                let sound = document.sound && problems.errors() == before;
                loaded.intents.push(LoadedIntent {
                    path: input.path.clone(),
                    intent: intent.filter(|_| sound),
                });
            }
            Identity::Cluster => {
                objects += 1;
                let taken = problems.take_within(&document.range);
                let mut own = Problems::with_room(problems.room());
                for diagnostic in taken {
                    own.push(diagnostic);
                }
                let cluster = compact::cluster(node, &input.path, &mut own);
                let cluster = cluster.filter(|_| document.sound);
                untold += own.untold();
                let diagnostics = own.into_list();
                problems.spend(diagnostics.len());
                loaded.clusters.push(LoadedCluster {
                    name: name_of(node).unwrap_or(&input.path).to_owned(),
                    path: input.path.clone(),
                    span: node.span(),
                    cluster,
                    diagnostics,
                });
            }
        }
    }
    if objects > 0 {
        for span in stray {
            problems.push(Diagnostic::error("I016", start_of(span), NO_OBJECT).help(OBJECT));
        }
    } else if problems.errors() > 0 {
        // What is wrong was told; whether it would have held an object nobody knows.
    } else if input.named {
        let span = stray.first().map_or(whole, |&span| start_of(span));
        problems.push(Diagnostic::error("I016", span, NO_OBJECT).help(OBJECT));
    } else {
        loaded.not_read.push(NotRead {
            source: input.source,
            why: NO_OBJECT.to_owned(),
        });
    }
    untold += problems.untold();
    if untold > 0 {
        let message = format!("{untold} more mistakes in this file are not told");
        problems.push_anyway(Diagnostic::error_in(
            "I015",
            Some(source.name().to_owned()),
            message,
        ));
    }
    loaded.diagnostics.extend(problems.into_list());
}

const NO_OBJECT: &str = "no object with `apiVersion` and `kind`";
const OBJECT: &str =
    "a cluster file begins with `apiVersion: kubeproof.dev/v1` and `kind: Cluster`";

/// A text beyond the limit.
pub(crate) fn too_large(name: &str, options: Options) -> Diagnostic {
    let limit = options.largest();
    let message = format!("the file is larger than {limit} bytes");
    Diagnostic::error_in("I003", Some(name.to_owned()), message)
        .help("`--max-file-size` sets another limit")
}

fn has_extension(name: &str, wanted: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, end)| {
        end.eq_ignore_ascii_case(wanted) && !stem.is_empty() && !stem.ends_with('/')
    })
}

/// The beginning of a document is where to point; underlining all of it helps nobody.
fn start_of(span: Span) -> Span {
    Span {
        end: span.start,
        ..span
    }
}

enum Identity<'t> {
    Cluster,
    Intent,
    Other { api_version: &'t str, kind: &'t str },
    Stray,
    Wrong,
}

fn identify<'t>(node: Node<'t>, problems: &mut Problems) -> Identity<'t> {
    let Some(map) = node.as_map() else {
        return Identity::Stray;
    };
    let text = |key| {
        let entry = map.get(key).filter(|e| !e.value.is_null());
        entry.map(|e| (e.value.as_str(), e.value.span()))
    };
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let ours = |version: &str| version.to_ascii_lowercase().contains("kubeproof");
    match (api_version, kind) {
        (Some((Some(api_version), span)), Some((Some(kind), kind_span))) => {
            // Other projects have a `Cluster` too; theirs have a group of their own.
            let grouped = api_version.contains('/') && !ours(api_version);
            if api_version == API_VERSION {
                match kind {
                    "Cluster" => Identity::Cluster,
                    "Intent" => Identity::Intent,
                    _ if KINDS.contains(&kind) => Identity::Other { api_version, kind },
                    _ => unknown_kind(kind, kind_span, problems),
                }
            } else if ours(api_version) || KINDS.contains(&kind) && !grouped {
                let message = format!("unknown apiVersion {}", show(api_version));
                problems.push(
                    Diagnostic::error("I017", span, message).help(format!("write `{API_VERSION}`")),
                );
                Identity::Wrong
            } else {
                Identity::Other { api_version, kind }
            }
        }
        (Some((Some(api_version), span)), None) if ours(api_version) => {
            let message = "an object of ours wants a `kind`";
            let help = format!("known are {}", super::decode::all_of(&KINDS));
            problems.push(Diagnostic::error("I019", span, message).help(help));
            Identity::Wrong
        }
        (None, Some((Some(kind), span))) if KINDS.contains(&kind) => {
            let message = format!("`kind: {kind}` wants an `apiVersion`");
            let help = format!("write `apiVersion: {API_VERSION}`");
            problems.push(Diagnostic::error("I019", span, message).help(help));
            Identity::Wrong
        }
        (Some((None, span)), Some(_)) | (Some(_), Some((None, span))) => {
            let message = "`apiVersion` and `kind` are strings";
            problems.push(Diagnostic::error("I020", span, message));
            Identity::Wrong
        }
        _ => Identity::Stray,
    }
}

fn unknown_kind<'t>(kind: &str, span: Span, problems: &mut Problems) -> Identity<'t> {
    let message = format!("unknown kind {} in `{API_VERSION}`", show(kind));
    let help = match nearest(kind, KINDS) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", super::decode::all_of(&KINDS)),
    };
    problems.push(Diagnostic::error("I017", span, message).help(help));
    Identity::Wrong
}

fn name_of(node: Node<'_>) -> Option<&str> {
    let meta = node.as_map()?.get("metadata")?.value.as_map()?;
    let name = meta.get("name")?.value.as_str()?;
    (!name.is_empty()).then_some(name)
}
