//! Names: canonical ids, and references to them.
//!
//! Knows: how names are spelled in full and in short. Must never know: what the entities hold.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};

use crate::base::diag::Diagnostic;
use crate::base::similar::closest;
use crate::base::source::Span;
use crate::input::decode::{show, string};
use crate::input::problems::Problems;
use crate::input::yaml::Node;
use crate::model::entity::{EntityId, EntityKind, FullName};

/// An entity as it was met: its id is its place in the list until all are known.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) name: FullName,
    pub(super) span: Span,
}

/// All names in canonical order, and the final id of each draft.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) names: Vec<FullName>,
    ids: Vec<EntityId>,
}

impl Names {
    pub(super) fn sorted(drafts: Vec<Draft>, problems: &mut Problems) -> Self {
        let mut order: Vec<u32> = (0..drafts.len() as u32).collect();
        order.sort_by(|&a, &b| drafts[a as usize].name.cmp(&drafts[b as usize].name));
        let mut ids = vec![EntityId(0); drafts.len()];
        for (id, &draft) in order.iter().enumerate() {
            ids[draft as usize] = EntityId(id as u32);
        }
        // The sort is stable, so that of equal names the one written first comes first.
        let mut twice: Vec<(&Draft, &Draft)> = Vec::new();
        let mut first = 0;
        for (at, &draft) in order.iter().enumerate().skip(1) {
            let (kept, again) = (&drafts[order[first] as usize], &drafts[draft as usize]);
            if kept.name == again.name {
                twice.push((kept, again));
            } else {
                first = at;
            }
        }
        tell_twice(&twice, problems);
        let mut drafts: Vec<Option<FullName>> = drafts.into_iter().map(|d| Some(d.name)).collect();
        let names = order
            .iter()
            .filter_map(|&d| drafts[d as usize].take())
            .collect();
        Self { names, ids }
    }

    /// The final id of what was drafted under an id.
    pub(super) fn id(&self, draft: EntityId) -> EntityId {
        self.ids[draft.index()]
    }
}

fn tell_twice(twice: &[(&Draft, &Draft)], problems: &mut Problems) {
    // A pod that is there twice has its containers twice; once is enough to tell.
    let parents: BTreeSet<&[String]> = twice.iter().map(|(_, d)| d.name.parts.as_slice()).collect();
    for (kept, again) in twice {
        let kind = again.name.kind;
        let (own, parent) = again
            .name
            .parts
            .split_last()
            .map_or(("", &[][..]), |(o, p)| (o, p));
        let below = matches!(kind, EntityKind::Container | EntityKind::Daemon);
        if below && parents.contains(parent) || problems.skips() {
            continue;
        }
        let place = match (kind, parent) {
            (EntityKind::Pod | EntityKind::Service, [namespace]) => {
                format!(" in the namespace {}", show(namespace))
            }
            (EntityKind::Container, [.., pod]) => format!(" in the pod {}", show(pod)),
            (EntityKind::Daemon, [node]) => format!(" on the node {}", show(node)),
            _ => String::new(),
        };
        let message = format!("the {} {} is there twice{place}", kind.word(), show(own));
        problems.push(
            Diagnostic::error("C001", again.span, message).related(kept.span, "first written here"),
        );
    }
}

/// Which entities a reference may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    One(EntityKind),
    Process,
    Switch,
    Either,
}

impl Want {
    fn takes(self, kind: EntityKind) -> bool {
        match self {
            Self::One(one) => one == kind,
            Self::Process => kind.is_process(),
            Self::Switch => kind.is_switch(),
            Self::Either => kind.is_process() || kind.is_switch(),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::One(kind) => match kind {
                EntityKind::Pod => "a pod",
                EntityKind::Node => "a node",
                _ => "an entity",
            },
            Self::Process => "a process (container, daemon or external)",
            Self::Switch => "a switch (pod, node or `outside`)",
            Self::Either => "a process or a switch",
        }
    }
}

/// One short name: the entity, and another one of the same short name.
type Short = (EntityId, Option<EntityId>);

/// Finds entities by what users call them: in full, or by any unambiguous end of the full name.
#[derive(Debug)]
pub(super) struct Resolver<'n> {
    names: &'n [FullName],
    /// By end of the name, with and without the kind. Made when the first short name is met: most files have none.
    shorts: OnceCell<HashMap<String, Short>>,
}

impl<'n> Resolver<'n> {
    pub(super) fn new(names: &'n [FullName]) -> Self {
        let shorts = OnceCell::new();
        Self { names, shorts }
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn name(&self, id: EntityId) -> &'n FullName {
        &self.names[id.index()]
    }

    /// The entity that a node names.
    pub(super) fn reference(
        &self,
        node: Node<'_>,
        want: Want,
        problems: &mut Problems,
    ) -> Option<EntityId> {
        self.text(string(node, problems)?, node.span(), want, problems)
    }

    /// The entity that a text names.
    pub(super) fn text(
        &self,
        text: &str,
        span: Span,
        want: Want,
        problems: &mut Problems,
    ) -> Option<EntityId> {
        match self.find(text, want) {
            Some((id, None)) if want.takes(self.name(id).kind) => Some(id),
            Some((id, None)) => {
                let kind = self.name(id).kind.word();
                let message = format!("expected {}, and {} is a {kind}", want.words(), show(text));
                problems.push(Diagnostic::error("C004", span, message));
                None
            }
            Some((one, Some(other))) => {
                let message = format!("{} can be several entities", show(text));
                let (one, other) = (self.name(one).to_string(), self.name(other).to_string());
                let mut diagnostic = Diagnostic::error("C003", span, message);
                // What could not be read has a name with a blank, which helps nobody.
                if !one.contains(' ') && !other.contains(' ') {
                    diagnostic =
                        diagnostic.help(format!("write {} or {}", show(&one), show(&other)));
                }
                problems.push(diagnostic);
                None
            }
            None => {
                self.unknown(text, span, want, problems);
                None
            }
        }
    }

    fn find(&self, text: &str, want: Want) -> Option<Short> {
        // Every pod says its node by its bare name, which is all there is to a node's name.
        let bare_node = want == Want::One(EntityKind::Node) && !text.contains('/');
        let name = if bare_node {
            Some(FullName::new(EntityKind::Node, &[text]))
        } else {
            full(text)
        };
        if let Some(id) = name.and_then(|name| self.names.binary_search(&name).ok()) {
            return Some((EntityId(id as u32), None));
        }
        if bare_node {
            return None;
        }
        let shorts = self.shorts.get_or_init(|| self.shorts());
        let with_kind = text
            .split_once('/')
            .is_some_and(|(word, _)| EntityKind::of_word(word).is_some());
        let with_kind = with_kind.then(|| shorts.get(text)).flatten();
        with_kind
            .or_else(|| shorts.get(&format!("{}{text}", prefix(want))))
            .copied()
    }

    fn shorts(&self) -> HashMap<String, Short> {
        let mut shorts: HashMap<String, Short> = HashMap::new();
        for (id, name) in self.names.iter().enumerate() {
            let id = EntityId(id as u32);
            let mut add = |key: String| {
                let slot = shorts.entry(key).or_insert((id, None));
                // The same name twice was told; here it is one.
                if slot.1.is_none() && self.names[slot.0.index()] != *name {
                    slot.1 = Some(id);
                }
            };
            for from in 0..name.parts.len() {
                let end = name.parts[from..].join("/");
                if from > 0 {
                    add(format!("{}/{end}", name.kind.word()));
                }
                add(format!("{}{end}", prefix(Want::One(name.kind))));
                for want in [Want::Process, Want::Switch, Want::Either] {
                    if want.takes(name.kind) {
                        add(format!("{}{end}", prefix(want)));
                    }
                }
            }
        }
        shorts
    }

    fn unknown(&self, text: &str, span: Span, want: Want, problems: &mut Problems) {
        if problems.skips() {
            return;
        }
        let message = format!("{} names nothing in this cluster", show(text));
        let mut diagnostic = Diagnostic::error("C002", span, message);
        diagnostic.help = self.help(text, want);
        problems.push(diagnostic);
    }

    fn help(&self, text: &str, want: Want) -> Option<String> {
        if text == "outside" {
            return Some("there is an outside only where there are externals".to_owned());
        }
        // What has no readable name of its own is not to be offered.
        let named = |n: &&FullName| !n.parts.iter().any(|p| p.starts_with(' '));
        let fitting = || {
            self.names
                .iter()
                .filter(|n| want.takes(n.kind))
                .filter(named)
        };
        let near = closest(text, fitting().map(FullName::to_string)).or_else(|| {
            let end = text.rsplit('/').next().unwrap_or(text);
            let short = closest(end, fitting().map(FullName::short))?;
            fitting()
                .find(|n| n.short() == short)
                .map(FullName::to_string)
        });
        let near = near.map(|near| format!("did you mean {}?", show(&near)));
        near.or_else(|| Some(format!("wanted is {}", want.words())))
    }
}

/// What a text says, read as a full name.
pub(super) fn full(text: &str) -> Option<FullName> {
    let mut parts = text.split('/');
    let kind = EntityKind::of_word(parts.next()?)?;
    let parts: Vec<&str> = parts.collect();
    let wanted = match kind {
        EntityKind::Container => 3,
        EntityKind::Daemon | EntityKind::Pod | EntityKind::Service => 2,
        EntityKind::Node | EntityKind::External => 1,
        EntityKind::Outside | EntityKind::Stage => 0,
    };
    (parts.len() == wanted).then(|| FullName::new(kind, &parts))
}

/// Short names of what is wanted here are kept apart: `web` may be a container and a pod, and only one of them a
/// switch. A blank cannot stand in a name.
fn prefix(want: Want) -> &'static str {
    match want {
        Want::One(EntityKind::Pod) => "pod ",
        Want::One(EntityKind::Node) => "node ",
        Want::One(_) => "other ",
        Want::Process => "process ",
        Want::Switch => "switch ",
        Want::Either => "either ",
    }
}
