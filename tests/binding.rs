//! Named entities of constraints, looked up in a cluster.

#![allow(clippy::unwrap_used, reason = "a test may stop")]

use std::collections::BTreeMap;

use kubeproof::base::source::SourceMap;
use kubeproof::lang::parse;
use kubeproof::logic::bind::bind;
use kubeproof::logic::check::check;
use kubeproof::logic::formula::{Arg, Constraint, Formula, Term};
use kubeproof::logic::structure::{EntityRow, Structure};
use kubeproof::model::entity::{EntityKind, FullName};

fn cluster() -> Structure {
    use EntityKind::{Container, Daemon, External, Node, Pod, Service};
    let mut names = vec![
        FullName::new(Pod, &["default", "P1"]),
        FullName::new(Pod, &["default", "P2"]),
        FullName::new(Pod, &["shop", "P1"]),
        FullName::new(Pod, &["shop", "db"]),
        FullName::new(Pod, &["blog", "db"]),
        FullName::new(Pod, &["blog", "wiki"]),
        FullName::new(Container, &["default", "P1", "C1.1"]),
        FullName::new(Container, &["default", "P2", "main"]),
        FullName::new(Container, &["default", "P1", "main"]),
        FullName::new(Container, &["shop", "P1", "C1.1"]),
        FullName::new(Container, &["shop", "db", "main"]),
        FullName::new(Node, &["N1"]),
        FullName::new(Daemon, &["N1", "kubelet"]),
        FullName::new(Daemon, &["N2", "kubelet"]),
        FullName::new(Daemon, &["N2", "agent"]),
        FullName::new(Service, &["shop", "web"]),
        FullName::new(External, &["client"]),
    ];
    names.sort();
    let row = |name| EntityRow {
        name,
        parent: None,
        namespace: None,
        labels: BTreeMap::new(),
        namespace_labels: std::sync::Arc::default(),
        workload: None,
        named_ports: Vec::new(),
    };
    Structure {
        entities: names.into_iter().map(row).collect(),
        addr: Vec::new(),
        pending: Vec::new(),
        host: Vec::new(),
        open: Vec::new(),
        serves: Vec::new(),
        link: Vec::new(),
        service_port: Vec::new(),
        endpoint: Vec::new(),
        held: Vec::new(),
        known_ports: Vec::new(),
        policies: kubeproof::network::gate::Gates::default(),
        listed: Vec::new(),
        offered: Vec::new(),
        selected: Vec::new(),
    }
}

fn constraint(text: &str) -> Constraint {
    let id = SourceMap::new().add("t.spec", text);
    let parsed = parse(id, text);
    assert_eq!(parsed.diagnostics, []);
    let mut checked = check(&parsed.file);
    assert_eq!(checked.diagnostics, []);
    checked.constraints.remove(0)
}

/// The full name that a literal is bound to, or what is said about it.
fn bound(literal: &str) -> String {
    let cluster = cluster();
    match bind(
        &constraint(&format!("constraint a \"t\" Process({literal})")),
        &cluster,
    ) {
        Ok(bound) => match bound.formula {
            Formula::Predicate(_, arguments) => match arguments.as_slice() {
                [Arg::Term(Term::Entity(id))] => cluster.entities[id.index()].name.to_string(),
                other => format!("{other:?}"),
            },
            other => format!("{other:?}"),
        },
        Err(errors) => {
            let said = errors.iter().map(|e| {
                let help = e.help.clone().unwrap_or_default();
                format!("{} {}; {help}", e.code, e.message)
            });
            said.collect::<Vec<_>>().join("\n")
        }
    }
}

#[test]
fn names_are_looked_up() {
    for (literal, expected) in [
        ("pod(default/P1)", "pod/default/P1"),
        ("pod(P1)", "pod/default/P1"),
        ("pod(shop/P1)", "pod/shop/P1"),
        ("pod(wiki)", "pod/blog/wiki"),
        ("container(C1.1)", "container/default/P1/C1.1"),
        ("container(db/main)", "container/shop/db/main"),
        ("node(N1)", "node/N1"),
        ("daemon(agent)", "daemon/N2/agent"),
        ("daemon(N1/kubelet)", "daemon/N1/kubelet"),
        ("service(web)", "service/shop/web"),
        ("external(client)", "external/client"),
        (
            "pod(db)",
            "L202 the pod name `db` is ambiguous; write one of `pod(blog/db)`, `pod(shop/db)`",
        ),
        (
            "daemon(kubelet)",
            "L202 the daemon name `kubelet` is ambiguous; write one of `daemon(N1/kubelet)`, `daemon(N2/kubelet)`",
        ),
        (
            "container(main)",
            "L202 the container name `main` is ambiguous; write one of `container(default/P1/main)`, `container(default/P2/main)`",
        ),
        (
            "pod(wki)",
            "L201 no such pod `wki` in this cluster; did you mean `pod(wiki)`",
        ),
        (
            "pod(shop/wiki)",
            "L201 no such pod `shop/wiki` in this cluster; did you mean `pod(blog/wiki)`",
        ),
        (
            "service(elsewhere)",
            "L201 no such service `elsewhere` in this cluster; ",
        ),
    ] {
        assert_eq!(bound(literal), expected);
    }
}

#[test]
fn every_place_is_looked_up_and_every_error_told() {
    let text = "constraint a \"t\" ∀ X, Y. K8s-Container(X, pod(P7)) ∧ ¬(Y = pod(P8) ∨ label(pod(P9), \"a\"))
        ⟹ (link(X, Y) ⟺ ∃ Z. link(node(N7), Z) ∧ namespace(pod(P6), \"n\"))";
    let errors = bind(&constraint(text), &cluster()).unwrap_err();
    assert_eq!(errors.len(), 5);
    let fine = constraint("constraint a \"t\" ∀ a. addr(pod(P1), a) ⟹ ¬addr(node(N1), a)");
    let bound = bind(&fine, &cluster()).unwrap();
    assert!(!format!("{:?}", bound.formula).contains("Named"));
}
