//! Named entities of a constraint, looked up in the cluster at hand.
//!
//! Knows: names and how they are shortened. Must never know: surface syntax, the solver.

use super::formula::{Arg, Constraint, Formula, Term};
use super::structure::Structure;
use crate::base::diag::Diagnostic;
use crate::base::similar::{clip, closest};
use crate::base::source::Span;
use crate::model::entity::{EntityId, EntityKind, FullName};

/// What the stage reports, each with a title.
pub const CODES: &[(&str, &str)] = &[
    (
        "L201",
        "a constraint names an entity that the cluster does not have",
    ),
    ("L202", "a short name that fits several entities"),
];

/// How many candidates are listed for a name that fits several.
const MAX_LISTED: usize = 5;

/// The constraint about the entities of this cluster: every [`Term::Named`] becomes a [`Term::Entity`].
///
/// A full name fits exactly. A short one leaves out leading parts: it fits in namespace `default` first, else anywhere,
/// where just one entity fits.
pub fn bind(constraint: &Constraint, structure: &Structure) -> Result<Constraint, Vec<Diagnostic>> {
    bind_names(constraint, || {
        structure.entities.iter().map(|row| &row.name).collect()
    })
}

/// The same by names alone, by id; they are asked for only where the constraint names somebody.
pub fn bind_names<'n>(
    constraint: &Constraint,
    names: impl FnOnce() -> Vec<&'n FullName>,
) -> Result<Constraint, Vec<Diagnostic>> {
    let mut ask = Some(names);
    let mut known = Vec::new();
    let mut bound = constraint.clone();
    let mut errors = Vec::new();
    walk(&mut bound.formula, &mut |term| {
        if let Term::Named(name, span) = term {
            if let Some(ask) = ask.take() {
                known = ask();
            }
            match find(name, *span, &known) {
                Ok(id) => *term = Term::Entity(id),
                Err(error) => errors.push(*error),
            }
        }
    });
    if errors.is_empty() {
        Ok(bound)
    } else {
        Err(errors)
    }
}

/// The same about a cluster where entities have other ids. Whom it does not have keeps its id: nobody's there.
pub fn carried(
    constraint: &Constraint,
    there: impl Fn(EntityId) -> Option<EntityId>,
) -> Constraint {
    let mut bound = constraint.clone();
    walk(&mut bound.formula, &mut |term| {
        if let Term::Entity(id) = term {
            *id = there(*id).unwrap_or(*id);
        }
    });
    bound
}

/// Visits every term. The depth of a checked formula is bounded.
fn walk(formula: &mut Formula, visit: &mut impl FnMut(&mut Term)) {
    match formula {
        Formula::Constant(_) | Formula::Hops(..) => {}
        Formula::Predicate(_, arguments) => {
            for argument in arguments {
                if let Arg::Term(term) = argument {
                    visit(term);
                }
            }
        }
        Formula::Equal(left, right)
        | Formula::Compare(left, _, right)
        | Formula::OtherLabel(left, right, _) => {
            visit(left);
            visit(right);
        }
        Formula::InPrefix(term, _)
        | Formula::InRange(term, ..)
        | Formula::Label(term, ..)
        | Formula::Fact(term, _)
        | Formula::Namespace(term, _) => visit(term),
        Formula::NamedPort(entity, _, port, protocol) => {
            visit(entity);
            visit(port);
            visit(protocol);
        }
        Formula::Not(inner) | Formula::Forall(_, inner) | Formula::Exists(_, inner) => {
            walk(inner, visit);
        }
        Formula::And(parts) | Formula::Or(parts) => {
            for part in parts {
                walk(part, visit);
            }
        }
        Formula::Implies(left, right) | Formula::Iff(left, right) => {
            walk(left, visit);
            walk(right, visit);
        }
    }
}

/// Whether the first part of a full name is a namespace.
fn has_namespace(kind: EntityKind) -> bool {
    matches!(
        kind,
        EntityKind::Container | EntityKind::Pod | EntityKind::Service
    )
}

/// The end of a full name with as many parts as the short one.
fn tail(full: &FullName, short: &FullName) -> String {
    let skip = full.parts.len().saturating_sub(short.parts.len());
    full.parts[skip..].join("/")
}

fn find(name: &FullName, span: Span, names: &[&FullName]) -> Result<EntityId, Box<Diagnostic>> {
    if let Ok(at) = names.binary_search(&name) {
        return Ok(EntityId(at as u32));
    }
    let of_kind = || {
        let rows = names.iter().copied().enumerate();
        rows.filter(|(_, row)| row.kind == name.kind)
    };
    let fitting: Vec<(usize, &FullName)> = of_kind()
        .filter(|(_, row)| row.parts.ends_with(&name.parts))
        .collect();
    let in_default: Vec<(usize, &FullName)> = fitting
        .iter()
        .filter(|(_, full)| {
            has_namespace(full.kind) && full.parts.first().is_some_and(|p| p == "default")
        })
        .copied()
        .collect();
    let candidates = if in_default.is_empty() {
        fitting
    } else {
        in_default
    };
    let word = name.kind.word();
    let shown = clip(&name.parts.join("/"));
    match candidates.as_slice() {
        [(only, _)] => Ok(EntityId(*only as u32)),
        [] => {
            let message = format!("no such {word} `{shown}` in this cluster");
            let error = Diagnostic::error("L201", span, message);
            let tails: Vec<String> = of_kind().map(|(_, row)| tail(row, name)).collect();
            let near = closest(&name.parts.join("/"), tails.iter().map(String::as_str));
            Err(Box::new(match near {
                Some(near) => error.help(format!("did you mean `{word}({near})`")),
                None if tails.is_empty() => error.help(format!("the cluster has no {word} at all")),
                None => error,
            }))
        }
        several => {
            let message = format!("the {word} name `{shown}` is ambiguous");
            let mut listed: Vec<String> = several
                .iter()
                .take(MAX_LISTED)
                .map(|(_, full)| format!("`{word}({})`", full.parts.join("/")))
                .collect();
            if several.len() > MAX_LISTED {
                listed.push(format!("{} more", several.len() - MAX_LISTED));
            }
            let help = format!("write one of {}", listed.join(", "));
            Err(Box::new(
                Diagnostic::error("L202", span, message).help(help),
            ))
        }
    }
}
