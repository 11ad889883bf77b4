//! The surface tree as text, in the Unicode spelling, with no more parentheses than needed.
//!
//! `parse(print(t)) == t`. Must never know: which predicates exist.

use super::ast::{Constraint, File, Formula, FormulaKind, Quantifier, Term, TermKind, Word};

/// A whole text.
pub fn file(file: &File) -> String {
    let texts: Vec<String> = file.constraints.iter().map(constraint).collect();
    texts.join("\n")
}

/// One constraint, with a line end.
pub fn constraint(constraint: &Constraint) -> String {
    let mut out = String::from("constraint ");
    if let Some(id) = &constraint.id {
        out.push_str(&id.text);
        out.push(' ');
    }
    out.push_str(&constraint.name.text);
    out.push(' ');
    string(&constraint.title.text, &mut out);
    out.push('\n');
    for (clause, text) in [
        ("reason", &constraint.reason),
        ("source", &constraint.source),
    ] {
        if let Some(text) = text {
            out.push_str("  ");
            out.push_str(clause);
            out.push(' ');
            string(&text.text, &mut out);
            out.push('\n');
        }
    }
    out.push_str("  ");
    out.push_str(&formula(&constraint.formula));
    out.push('\n');
    out
}

/// A formula, on one line.
pub fn formula(formula: &Formula) -> String {
    let mut out = String::new();
    write(formula, 0, true, &mut out);
    out
}

/// A term.
pub fn term(term: &Term) -> String {
    let mut out = String::new();
    write_term(term, &mut out);
    out
}

/// How tightly a form binds, as in the parser; what is larger than all connectives stands alone.
fn level(kind: &FormulaKind) -> u8 {
    match kind {
        FormulaKind::Iff(..) => 0,
        FormulaKind::Implies(..) => 1,
        FormulaKind::Or(_) => 2,
        FormulaKind::And(_) => 3,
        FormulaKind::Quantified(..) => 4,
        _ => 5,
    }
}

/// Writes a formula where one of at least the level `least` fits. `last`: nothing follows before the next closing
/// parenthesis, so a quantifier swallows nothing that is not its own.
fn write(formula: &Formula, least: u8, last: bool, out: &mut String) {
    let swallows = matches!(formula.kind, FormulaKind::Quantified(..)) && !last;
    if level(&formula.kind) < least || swallows {
        out.push('(');
        write(formula, 0, true, out);
        out.push(')');
        return;
    }
    match &formula.kind {
        FormulaKind::Constant(truth) => out.push_str(if *truth { "true" } else { "false" }),
        FormulaKind::Predicate(name, terms) => call(name, terms, out),
        FormulaKind::Relation(left, relation, right) => {
            write_term(left, out);
            out.push(' ');
            out.push_str(relation.sign());
            out.push(' ');
            write_term(right, out);
        }
        FormulaKind::Not(inner) => {
            out.push('¬');
            write(inner, 4, last, out);
        }
        FormulaKind::And(parts) => list(parts, " ∧ ", 4, last, out),
        FormulaKind::Or(parts) => list(parts, " ∨ ", 3, last, out),
        FormulaKind::Implies(left, right) => {
            write(left, 2, false, out);
            out.push_str(" ⟹ ");
            write(right, 1, last, out);
        }
        FormulaKind::Iff(left, right) => {
            write(left, 1, false, out);
            out.push_str(" ⟺ ");
            write(right, 1, last, out);
        }
        FormulaKind::Quantified(quantifier, names, body) => {
            out.push(match quantifier {
                Quantifier::Forall => '∀',
                Quantifier::Exists => '∃',
            });
            for (i, name) in names.iter().enumerate() {
                out.push_str(if i == 0 { " " } else { ", " });
                out.push_str(&name.text);
            }
            out.push_str(". ");
            write(body, 0, last, out);
        }
        // Not a text that can be read again; there is none.
        FormulaKind::Broken => out.push('…'),
    }
}

fn list(parts: &[Formula], sign: &str, least: u8, last: bool, out: &mut String) {
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            out.push_str(sign);
        }
        write(part, least, last && i + 1 == parts.len(), out);
    }
}

fn call(name: &Word, terms: &[Term], out: &mut String) {
    out.push_str(&name.text);
    out.push('(');
    for (i, term) in terms.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        write_term(term, out);
    }
    out.push(')');
}

fn write_term(term: &Term, out: &mut String) {
    match &term.kind {
        TermKind::Any => out.push('_'),
        TermKind::Name(name) => out.push_str(name),
        TermKind::Entity { word, name } => {
            out.push_str(word);
            out.push('(');
            out.push_str(name);
            out.push(')');
        }
        TermKind::Address(ip) => out.push_str(&ip.to_string()),
        TermKind::Prefix(net) => out.push_str(&net.to_string()),
        TermKind::Number(number) => out.push_str(&number.to_string()),
        TermKind::Range(low, high) => {
            out.push_str(&low.to_string());
            out.push('-');
            out.push_str(&high.to_string());
        }
        TermKind::Protocol(protocol) => out.push_str(protocol),
        TermKind::Text(text) => string(text, out),
        TermKind::Call(name, terms) => call(name, terms, out),
        TermKind::Broken => out.push('…'),
    }
}

fn string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            _ => out.push(c),
        }
    }
    out.push('"');
}
