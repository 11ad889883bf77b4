//! From what was written to what is meant: names resolved, sorts inferred, the invariants of [`Constraint`] enforced.
//!
//! Knows: scopes, quantifiers, the rules on variables. Must never know: tokens, the cluster, the solver.

use std::collections::BTreeMap;

use super::formula::{Constraint, Formula, Sort, VarId, Variable};
use crate::base::diag::Diagnostic;
use crate::base::similar::clip;
use crate::base::source::Span;
use crate::lang::ast::{self, FormulaKind, Quantifier, Word};
use crate::lang::report::Report;

mod atom;
mod guard;
mod sorts;
mod term;

/// What the stage reports, each with a title.
pub const CODES: &[(&str, &str)] = &[
    ("L101", "an unknown predicate"),
    ("L102", "a wrong number of arguments"),
    ("L103", "a name that no quantifier binds"),
    ("L104", "a variable that is used as two sorts"),
    ("L105", "a variable whose sort nothing tells"),
    ("L106", "a variable that is never used"),
    ("L107", "a variable that hides another one"),
    ("L108", "an argument of the wrong sort"),
    ("L109", "a message that is not bound by ∀ in front"),
    (
        "L110",
        "an address, port or protocol that ranges over everything",
    ),
    ("L111", "`_` where it has no meaning"),
    ("L112", "a port that is too large"),
    ("L113", "a malformed entity name"),
    ("L114", "a comparison that has no meaning"),
    ("L115", "two constraints with one name"),
    ("L116", "an unknown function"),
    (
        "L117",
        "a string where none belongs, or none where one does",
    ),
];

/// What was made of a text.
#[derive(Debug)]
pub struct Checked {
    /// The constraints without mistakes, in the order of the text.
    pub constraints: Vec<Constraint>,
    /// Every mistake, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks a text that was parsed. What the parser reported is not reported again.
pub fn check(file: &ast::File) -> Checked {
    let mut report = Report::default();
    let mut constraints = Vec::new();
    let mut names: BTreeMap<&str, Span> = BTreeMap::new();
    for written in &file.constraints {
        for word in written.id.iter().chain([&written.name]) {
            if let Some(first) = names.insert(&word.text, word.span) {
                let message = format!("there is another constraint `{}`", clip(&word.text));
                report.push(
                    Diagnostic::error("L115", word.span, message)
                        .related(first, "first defined here"),
                );
            }
        }
        let mut checker = Checker::new(&mut report);
        let formula = checker.formula(&written.formula, true);
        if let Some(variables) = checker.finish() {
            let text = |word: &Option<Word>| word.as_ref().map(|w| w.text.clone());
            constraints.push(Constraint {
                id: written.id.as_ref().unwrap_or(&written.name).text.clone(),
                name: written.name.text.clone(),
                title: written.title.text.clone(),
                reason: text(&written.reason),
                source: text(&written.source),
                variables,
                formula,
                says: Vec::new(),
                span: written.span,
            });
        }
    }
    Checked {
        constraints,
        diagnostics: report.into_sorted(),
    }
}

/// What is known of a variable while its constraint is walked.
struct Declared<'a> {
    name: &'a str,
    span: Span,
    quantifier: Quantifier,
    /// Bound by ∀ in front.
    front: bool,
    used: bool,
    guarded: bool,
}

/// The walk over one constraint. `'a` is the surface tree.
struct Checker<'a, 'r> {
    report: &'r mut Report,
    declared: Vec<Declared<'a>>,
    sorts: sorts::Sorts,
    scope: BTreeMap<&'a str, VarId>,
    /// Variables that are compared, with the place: messages must not be.
    compared: Vec<(VarId, Span)>,
    /// Something is wrong, so there will be no constraint.
    failed: bool,
    /// A part was not understood, so what seems to be missing may be there.
    partial: bool,
}

impl<'a, 'r> Checker<'a, 'r> {
    fn new(report: &'r mut Report) -> Self {
        Self {
            report,
            declared: Vec::new(),
            sorts: sorts::Sorts::default(),
            scope: BTreeMap::new(),
            compared: Vec::new(),
            failed: false,
            partial: false,
        }
    }

    fn error(&mut self, error: Diagnostic) {
        self.failed = true;
        self.report.push(error);
    }

    /// An error behind which arguments were not looked at.
    fn gap(&mut self, error: Diagnostic) -> Formula {
        self.partial = true;
        self.error(error);
        Formula::Constant(true)
    }

    /// `front`: under ∧ and ∀ from the root, and nothing else. The parser bounds the depth.
    fn formula(&mut self, formula: &'a ast::Formula, front: bool) -> Formula {
        match &formula.kind {
            FormulaKind::Constant(truth) => Formula::Constant(*truth),
            FormulaKind::Predicate(name, terms) => self.predicate(name, terms, formula.span),
            FormulaKind::Relation(left, relation, right) => self.relation(left, *relation, right),
            FormulaKind::Not(inner) => Formula::Not(Box::new(self.formula(inner, false))),
            FormulaKind::And(parts) => {
                let mut flat = Vec::new();
                for part in parts {
                    match self.formula(part, front) {
                        Formula::And(inner) => flat.extend(inner),
                        other => flat.push(other),
                    }
                }
                Formula::And(flat)
            }
            FormulaKind::Or(parts) => {
                let mut flat = Vec::new();
                for part in parts {
                    match self.formula(part, false) {
                        Formula::Or(inner) => flat.extend(inner),
                        other => flat.push(other),
                    }
                }
                Formula::Or(flat)
            }
            FormulaKind::Implies(left, right) => Formula::Implies(
                Box::new(self.formula(left, false)),
                Box::new(self.formula(right, false)),
            ),
            FormulaKind::Iff(left, right) => Formula::Iff(
                Box::new(self.formula(left, false)),
                Box::new(self.formula(right, false)),
            ),
            FormulaKind::Quantified(quantifier, names, body) => {
                self.quantified(*quantifier, names, body, front)
            }
            FormulaKind::Broken => {
                self.failed = true;
                self.partial = true;
                Formula::Constant(true)
            }
        }
    }

    fn quantified(
        &mut self,
        quantifier: Quantifier,
        names: &'a [Word],
        body: &'a ast::Formula,
        front: bool,
    ) -> Formula {
        let front = front && quantifier == Quantifier::Forall;
        let mut vars = Vec::new();
        let mut hidden = Vec::new();
        for name in names {
            let var = self.declare(name, quantifier, front);
            vars.push(var);
            hidden.push((name.text.as_str(), self.scope.insert(&name.text, var)));
        }
        let body = self.formula(body, front);
        for (name, before) in hidden.into_iter().rev() {
            match before {
                Some(var) => self.scope.insert(name, var),
                None => self.scope.remove(name),
            };
        }
        // `∃ x. ∃ y. f` is `∃ x, y. f`, so that a guard of x in f is seen as one.
        let body = match (quantifier, body) {
            (Quantifier::Forall, Formula::Forall(inner, body))
            | (Quantifier::Exists, Formula::Exists(inner, body)) => {
                vars.extend(inner);
                *body
            }
            (_, body) => body,
        };
        let guarded = match quantifier {
            Quantifier::Forall => guard::of_forall(&body),
            Quantifier::Exists => guard::of_exists(&body),
        };
        for var in &vars {
            self.declared[var.0 as usize].guarded |= guarded.contains(var);
        }
        match quantifier {
            Quantifier::Forall => Formula::Forall(vars, Box::new(body)),
            Quantifier::Exists => Formula::Exists(vars, Box::new(body)),
        }
    }

    fn declare(&mut self, name: &'a Word, quantifier: Quantifier, front: bool) -> VarId {
        if let Some(before) = self.scope.get(name.text.as_str()) {
            let first = self.declared[before.0 as usize].span;
            let message = format!("`{}` is bound already", clip(&name.text));
            let error = Diagnostic::error("L107", name.span, message)
                .help("give this variable another name")
                .related(first, "first bound here");
            self.error(error);
        }
        self.declared.push(Declared {
            name: &name.text,
            span: name.span,
            quantifier,
            front,
            used: false,
            guarded: false,
        });
        self.sorts.declare()
    }

    /// The variables with their sorts, if nothing was wrong.
    fn finish(mut self) -> Option<Vec<Variable>> {
        let mut variables = Vec::new();
        let declared = std::mem::take(&mut self.declared);
        for (i, variable) in declared.iter().enumerate() {
            let var = VarId(i as u32);
            let sort = self.sorts.of(var).map(|u| u.sort);
            self.judge(var, variable, sort);
            variables.push(Variable {
                name: variable.name.to_owned(),
                sort: sort.unwrap_or(Sort::Entity),
                span: variable.span,
            });
        }
        for (var, span) in std::mem::take(&mut self.compared) {
            if self.sorts.of(var).is_some_and(|u| u.sort == Sort::Event) {
                let error = Diagnostic::error("L114", span, "messages cannot be compared");
                self.error(error.help("a constraint is about one message at a time"));
            }
        }
        (!self.failed).then_some(variables)
    }

    /// The rules on a variable, once its sort is known.
    fn judge(&mut self, var: VarId, variable: &Declared<'_>, sort: Option<Sort>) {
        let name = clip(variable.name);
        let sign = match variable.quantifier {
            Quantifier::Forall => '∀',
            Quantifier::Exists => '∃',
        };
        if self.sorts.conflicted(var) {
            return;
        }
        let error = |code, message: String| Diagnostic::error(code, variable.span, message);
        match sort {
            None if self.partial => {}
            None if !variable.used => {
                let message = format!("`{name}` is never used");
                self.error(error("L106", message).help("leave it out, or use it in the formula"));
            }
            None => {
                let message = format!("nothing tells what `{name}` stands for");
                let help = "use it as an argument of a predicate, which gives it a sort";
                self.error(error("L105", message).help(help));
            }
            Some(Sort::Event) if !variable.front => {
                let message = format!("message `{name}` is not bound by `∀` in front");
                let help = format!(
                    "write `∀ {name}.` at the beginning of the formula, or of one of the parts that `∧` joins"
                );
                self.error(error("L109", message).help(help));
            }
            Some(sort @ (Sort::Address | Sort::Port | Sort::Protocol))
                if !variable.front && !variable.guarded && !self.partial =>
            {
                let message = format!("{} `{name}` ranges over every {}", sort.word(), sort.word());
                let atom = match sort {
                    Sort::Address => format!("addr(E, {name})"),
                    Sort::Port => format!("port(S, {name}, TCP)"),
                    _ => format!("port(S, p, {name})"),
                };
                let help = match variable.quantifier {
                    Quantifier::Exists => format!(
                        "behind `{sign}`, join the body with an atom that has it, such as `{atom} ∧ …`"
                    ),
                    Quantifier::Forall => format!(
                        "behind an inner `{sign}`, the body is `… ⟹ …` with an atom in its premise, such as `{atom}`"
                    ),
                };
                self.error(error("L110", message).help(help));
            }
            Some(_) => {}
        }
    }
}
