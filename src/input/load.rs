//! Which document of which text is what.
//!
//! Knows: PATHs, documents, batches. Must never know: the fields of a kind.

use super::attach::TableTexts;
use super::compact;
use super::far;
use super::gather::{Choices, Gathered, Outcome, start_of};
use super::homes::{Home, Homes};
use super::identify::{Identity, identify};
use super::intent;
use super::linux;
use super::loaded::{Loaded, LoadedCluster, LoadedIntent, NotRead, Unsupported};
use super::options::{Input, Options};
use super::problems::{Problems, TOLD};
use super::text;
use super::yaml::{self, Document, Node};
use crate::base::diag::{Diagnostic, Severity};
use crate::base::source::{SourceId, SourceMap, Span};

/// Reads texts with nothing chosen: see [`load_with`].
pub fn load(sources: &SourceMap, inputs: &[Input], options: Options) -> Loaded {
    load_with(sources, inputs, options, &Choices::default())
}

/// Reads texts: each `kind: Cluster` is a cluster of its own, and the Kubernetes objects of a PATH together are one.
pub fn load_with(
    sources: &SourceMap,
    inputs: &[Input],
    options: Options,
    choices: &Choices,
) -> Loaded {
    let mut loaded = Loaded::default();
    let homes = Homes::of(sources, inputs, choices.together);
    // The clusters of one PATH: of a snapshot each, and of what lies beside none.
    let mut gathered: Vec<(Option<usize>, Gathered)> = Vec::new();
    for input in inputs {
        let path = name_of_all(inputs, input, choices);
        if gathered.iter().any(|(_, g)| g.path != path) {
            loaded.finish(&mut gathered, choices);
        }
        if homes.is_dump(input.source) {
            continue;
        }
        let home = homes.of_input(sources, input);
        let at = gathered
            .iter()
            .position(|(h, _)| *h == home.map(|(at, _)| at));
        let at = at.unwrap_or_else(|| {
            let called = home.and_then(|(_, h)| h.called.clone());
            let called = called.unwrap_or_else(|| path.clone());
            gathered.push((home.map(|(at, _)| at), Gathered::of(path, called)));
            gathered.len() - 1
        });
        let group = &mut gathered[at].1;
        group.broken |= choices.incomplete.contains(&input.path);
        let home = home.map(|(_, home)| home);
        one(
            sources,
            input,
            (options, choices),
            (home, group),
            &mut loaded,
        );
    }
    loaded.finish(&mut gathered, choices);
    loaded.tables(sources, inputs);
    loaded
}

/// What a cluster of Kubernetes objects is called: the PATH, or all of them.
fn name_of_all(inputs: &[Input], input: &Input, choices: &Choices) -> String {
    if !choices.together {
        return input.path.clone();
    }
    let mut paths: Vec<&str> = inputs.iter().map(|i| i.path.as_str()).collect();
    paths.dedup();
    paths.join(" + ")
}

impl Loaded {
    /// Reads the route tables that clusters speak of.
    fn tables(&mut self, sources: &SourceMap, inputs: &[Input]) {
        let mut texts = TableTexts::default();
        for input in inputs.iter().filter(|i| is_table(sources, i.source)) {
            texts.add(input);
        }
        for loaded in &mut self.clusters {
            let Some(cluster) = &mut loaded.cluster else {
                continue;
            };
            let diagnostics = texts.attach(sources, cluster);
            if !diagnostics.is_empty() {
                loaded.cluster = None;
            }
            loaded.diagnostics.extend(diagnostics);
        }
        // Where a cluster could not be read, nobody knows which tables it speaks of.
        if self.clusters.iter().all(|c| c.cluster.is_some()) {
            self.diagnostics.extend(texts.unused(sources));
        }
    }

    fn finish(&mut self, gathered: &mut Vec<(Option<usize>, Gathered)>, choices: &Choices) {
        for (_, group) in gathered.drain(..) {
            match group.finish(choices) {
                Outcome::Cluster {
                    name,
                    path,
                    origin,
                    cluster,
                    diagnostics,
                } => self.clusters.push(LoadedCluster {
                    name,
                    path,
                    span: origin,
                    cluster: cluster.map(|c| *c),
                    diagnostics,
                }),
                Outcome::Nothing(diagnostics) => self.diagnostics.extend(diagnostics),
            }
        }
    }
}

fn one(
    sources: &SourceMap,
    input: &Input,
    (options, choices): (Options, &Choices),
    (home, group): (Option<&Home>, &mut Gathered),
    loaded: &mut Loaded,
) {
    let source = sources.get(input.source);
    if source.text().len() as u64 > options.largest() {
        loaded.diagnostics.push(too_large(source.name(), options));
        group.broken = true;
        return;
    }
    if let Some(diagnostic) = text::check(input.source, source.text()) {
        loaded.diagnostics.push(diagnostic);
        group.broken = true;
        return;
    }
    if has_extension(source.name(), "spec") {
        loaded.specs.push(input.source);
        return;
    }
    if is_table(sources, input.source) {
        return;
    }
    let mut problems = Problems::with_room(TOLD);
    let (read, mut objects) = match source.far() {
        None => (yaml::parse(input.source, source.text(), &mut problems), 0),
        Some(text) => {
            let mut into = far::Into {
                group,
                choices,
                problems: &mut problems,
            };
            far::read(input.source, source.name(), text, &mut into)
        }
    };
    let mut stray = Vec::new();
    let mut untold = 0;
    // Mistakes in cluster files and intents, which are no concern of the objects beside them.
    let mut elsewhere = 0;
    for document in read.documents() {
        let node = document.node;
        objects += 1;
        match identify(node, None, &mut problems) {
            Identity::Stray => {
                objects -= 1;
                stray.push(node.span());
            }
            Identity::Wrong => {}
            Identity::Ours { api_version, kind } => loaded.unsupported.push(Unsupported {
                api_version: api_version.to_owned(),
                kind: kind.to_owned(),
                path: input.path.clone(),
                span: node.span(),
            }),
            Identity::Unknown { api_version, kind } => {
                group.unknown(api_version, kind, node.span());
            }
            Identity::Unmodelled { api_version, kind } => {
                group.unmodelled(api_version, kind, node.span(), choices);
            }
            Identity::Object(kind) => group.object(kind, node, &mut problems),
            Identity::List {
                items,
                api_version,
                kind,
            } => {
                if let Some(items) = items {
                    group.list(items, api_version, kind, choices, &mut problems);
                }
            }
            Identity::Intent => {
                let before = problems.errors();
                let intent = intent::intent(node, &mut problems);
                let mistakes = problems.errors() - before;
                elsewhere += mistakes;
                let sound = document.sound && mistakes == 0;
                loaded.intents.push(LoadedIntent {
                    path: group.path.clone(),
                    intent: intent.filter(|_| sound),
                });
            }
            Identity::Snapshot => {
                let own = linux::layout::home(source.name());
                let home = home.filter(|h| own == Some(h.folder.as_str()));
                let read = if let Some(home) = home {
                    linux::read(node, &home.folder, &home.dumps, sources, &mut problems)
                } else {
                    problems.push(misplaced(node.span()));
                    None
                };
                let name = name_of(node).map(str::to_owned);
                group.snapshot(node, name, read, &mut problems);
            }
            Identity::Cluster => {
                let (cluster, left) = cluster(&document, input, &mut problems, &mut elsewhere);
                untold += left;
                loaded.clusters.push(cluster);
            }
        }
    }
    told(input, (objects, stray), &mut problems, loaded);
    untold += problems.untold();
    if untold > 0 {
        let message = format!("{untold} more mistakes in this file are not told");
        problems.push_anyway(Diagnostic::error_in(
            "I015",
            Some(source.name().to_owned()),
            message,
        ));
    }
    group.broken |= problems.errors() > elsewhere;
    loaded.diagnostics.extend(problems.into_list());
}

/// Reads a cluster file; its mistakes are its own.
fn cluster(
    document: &Document<'_>,
    input: &Input,
    problems: &mut Problems,
    elsewhere: &mut usize,
) -> (LoadedCluster, usize) {
    let node = document.node;
    let taken = problems.take_within(&document.range);
    let mut own = Problems::with_room(problems.room());
    for diagnostic in taken {
        *elsewhere += usize::from(diagnostic.severity == Severity::Error);
        own.push(diagnostic);
    }
    let cluster = compact::cluster(node, &input.path, &mut own);
    let cluster = cluster.filter(|_| document.sound);
    let untold = own.untold();
    let diagnostics = own.into_list();
    problems.spend(diagnostics.len());
    let loaded = LoadedCluster {
        name: name_of(node).unwrap_or(&input.path).to_owned(),
        path: input.path.clone(),
        span: node.span(),
        cluster,
        diagnostics,
    };
    (loaded, untold)
}

/// Tells of documents that are no objects, and of texts that hold none.
fn told(
    input: &Input,
    (objects, stray): (usize, Vec<Span>),
    problems: &mut Problems,
    loaded: &mut Loaded,
) {
    let whole = beginning(input.source);
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
}

/// The beginning of a text.
fn beginning(source: SourceId) -> Span {
    if source.is_far() {
        return Span::line(source, 1);
    }
    Span {
        source,
        start: 0,
        end: 0,
    }
}

fn misplaced(span: Span) -> Diagnostic {
    let message = "a LinuxSnapshot is read from a file called `snapshot.yaml` only";
    Diagnostic::error("S001", start_of(span), message)
        .help("its dumps lie in folders beside that file, one for each namespace")
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

/// Whether a text is one of route tables; those are never held.
fn is_table(sources: &SourceMap, source: SourceId) -> bool {
    let text = sources.get(source);
    text.far().is_some() && has_extension(text.name(), "routes")
}

fn has_extension(name: &str, wanted: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, end)| {
        end.eq_ignore_ascii_case(wanted) && !stem.is_empty() && !stem.ends_with('/')
    })
}

fn name_of(node: Node<'_>) -> Option<&str> {
    let meta = node.as_map()?.get("metadata")?.value.as_map()?;
    let name = meta.get("name")?.value.as_str()?;
    (!name.is_empty()).then_some(name)
}
