//! Verdicts that hang on what the input does not say, or on what the model does not cover: then nothing is known.
//!
//! The network model itself holds for every choice, since an ideal plugin enforces what policies say whatever they say; what
//! users want does not. A counterexample stands: it shows its choice.
//!
//! Must never know: files, formats of output, how verdicts are reached.

use super::decide::Case;
use crate::base::source::Span;
use crate::intent;
use crate::logic::formula::{Arg, Constraint, Fact, Formula, Predicate, Term};
use crate::logic::literals::Literals;
use crate::lower::Lowered;
use crate::model::cluster::Cluster;
use crate::model::entity::EntityKind;
use crate::model::inet::private;
use crate::policy::hinges::{self, Choice, Hinge};
use crate::policy::labels::{Unsaid, Whose};
use crate::verify::policy::Policy;
use crate::verify::verdict::{CheckResult, Verdict};

/// Why nothing is known, and the line to blame, where there is one.
type Why = (&'static str, Option<Span>);

const PLACES: &str = "it may hang on which nodes run the pods, which the input does not say: give spec.nodeName, or what kubectl get -o yaml printed";
const ADDRESSES: &str = "it may hang on the addresses that are not given: it names some of those that pods, nodes or Services may get";

/// Makes unknown what hangs on labels, addresses, nodes or an order that the input does not say.
pub(super) fn hangs(case: &Case<'_>, lowered: &Lowered, results: &mut [CheckResult]) {
    let hinges = hinges::hangs_on(case.cluster, &case.options.settings);
    let about = About {
        case,
        unsaid: Unsaid::of(case.cluster),
        hinges: hinges.iter().filter(|h| h.flipped.is_none()).collect(),
        policy: case.policy(lowered, case.options.settings),
    };
    for (at, result) in results.iter_mut().enumerate() {
        let unasked = case.stated(at).and_then(|stated| stated.unasked);
        let why = match result.verdict {
            _ if unasked.is_some() => unasked.map(|why| (why, None)),
            Verdict::Proven if of_user(result) => about.own(at).or_else(|| about.others(at)),
            // What a snapshot does is not what policies say: there the network model hangs on whom they are about.
            Verdict::Proven if !matches!(result.id.as_str(), "KP001" | "KP012") => about.bare(),
            // Whom it speaks of may be somebody after all.
            Verdict::Vacuous if of_user(result) => about.own(at),
            _ => None,
        };
        if let Some((why, origin)) = why {
            result.verdict = Verdict::Unknown;
            why.clone_into(&mut result.detail);
            result.unmodelled = origin;
            result.counterexample = None;
            result.depends_on.clear();
        }
    }
}

struct About<'a> {
    case: &'a Case<'a>,
    unsaid: Unsaid<'a>,
    /// Those that no switch decides.
    hinges: Vec<&'a Hinge>,
    policy: Policy<'a>,
}

impl About<'_> {
    /// What an intent or a constraint itself asks for.
    fn own(&self, at: usize) -> Option<Why> {
        if let Some(stated) = self.case.stated(at) {
            let (whose, origin) = self.unsaid.intent(&stated.intent)?;
            return Some((of_labels(whose), Some(origin)));
        }
        let constraint = self.case.constraint(at)?;
        let whose = self.labels(&constraint.formula)?;
        Some((of_labels(whose), None))
    }

    /// A selector that hangs on labels of pods of a snapshot without objects.
    fn bare(&self) -> Option<Why> {
        let bare = Choice::Labels(Whose::Snapshot);
        let hinge = self.hinges.iter().find(|h| h.choice == bare)?;
        Some((of_labels(Whose::Snapshot), Some(hinge.origin)))
    }

    /// What stands between: policies, Services, nodes.
    fn others(&self, at: usize) -> Option<Why> {
        let of_nodes = |h: &Hinge| {
            matches!(
                h.choice,
                Choice::NodeAddresses | Choice::Labels(Whose::Nodes)
            )
        };
        let mut of_policies = self.hinges.iter().filter(|h| !of_nodes(h));
        if let Some(hinge) = of_policies.next() {
            return Some((of_choice(hinge.choice), Some(hinge.origin)));
        }
        let stated = self.case.stated(at);
        if stated.is_some_and(|s| intent::is_about_any_pod(&s.intent)) {
            let namespaces = self.unsaid.selectors(true).remove(&Whose::Namespaces);
            if namespaces.is_some() {
                return Some((of_labels(Whose::Namespaces), namespaces));
            }
            if let Some((choice, origin)) = hinges::orders_for_added(self.case.cluster) {
                return Some((of_choice(choice), Some(origin)));
            }
        }
        let cluster = self.case.cluster;
        let constraint = self.case.constraint(at)?;
        if stated.is_none() && names_chosen_addresses(cluster, constraint) {
            return Some((ADDRESSES, None));
        }
        let asks = match stated {
            Some(stated) => self.policy.asks_nodes(&stated.intent),
            None => self.asks_nodes(constraint),
        };
        if !asks {
            return None;
        }
        if cluster.reading.nodes_chosen && cluster.nodes.len() > 1 {
            return Some((PLACES, None));
        }
        let hinge = self.hinges.iter().find(|h| of_nodes(h))?;
        Some((of_choice(hinge.choice), Some(hinge.origin)))
    }

    /// Whose labels a constraint asks for that are not given.
    fn labels(&self, formula: &Formula) -> Option<Whose> {
        let mut whose = None;
        formula.each(&mut |part| match part {
            Formula::Label(_, key, Some(_)) | Formula::OtherLabel(_, _, key)
                if self.unsaid.value_of(key) =>
            {
                whose = Some(self.unsaid.pods());
            }
            Formula::Label(_, _, None) if self.unsaid.bare() => whose = Some(Whose::Snapshot),
            Formula::Fact(_, Fact::NamespaceLabel(key, _)) if self.unsaid.of_namespaces(key) => {
                whose = Some(Whose::Namespaces);
            }
            _ => {}
        });
        whose
    }

    /// Whether which node runs a pod can matter to a constraint: it speaks of nodes, or policies and Services that keep to
    /// nodes may have a part in it.
    fn asks_nodes(&self, constraint: &Constraint) -> bool {
        let cluster = self.case.cluster;
        let mut services = cluster.services.iter();
        if !cluster.policies.is_empty() || services.any(|s| s.internal_local || s.external_local) {
            return true;
        }
        let of_node = |term: &Term| {
            let Term::Entity(id) = term else {
                return false;
            };
            matches!(cluster.kind_of(*id), EntityKind::Node | EntityKind::Daemon)
        };
        let mut found = false;
        constraint.formula.each(&mut |part| {
            found |= match part {
                Formula::Hops(..) => true,
                Formula::Predicate(predicate, args) => {
                    let mut terms = args.iter().filter_map(|arg| match arg {
                        Arg::Term(term) => Some(term),
                        Arg::Any => None,
                    });
                    of_nodes(*predicate) || terms.any(of_node)
                }
                Formula::Equal(a, b) => of_node(a) || of_node(b),
                _ => false,
            };
        });
        found
    }
}

/// Predicates that tell nodes, or the way of a message.
fn of_nodes(predicate: Predicate) -> bool {
    matches!(
        predicate,
        Predicate::Node
            | Predicate::Daemon
            | Predicate::Host
            | Predicate::Link
            | Predicate::Switch
            | Predicate::Passes
            | Predicate::EndpointFor
    )
}

/// Whether a constraint names an address, or a prefix, of those that somebody may get.
fn names_chosen_addresses(cluster: &Cluster, constraint: &Constraint) -> bool {
    let mut services = cluster.services.iter();
    if !cluster.reading.addresses_chosen && !services.any(|s| s.chosen) {
        return false;
    }
    let nodes = cluster.nodes.iter().any(|n| n.addresses_chosen);
    let mut possible = hinges::possible(cluster);
    if nodes || cluster.services.iter().any(|s| s.chosen) {
        possible.extend(private());
    }
    let named = Literals::of(std::slice::from_ref(constraint)).nets;
    named.iter().any(|net| {
        let mut possible = possible.iter();
        possible.any(|p| p.contains(net) || net.contains(p) && net.prefix_len() > 0)
    })
}

fn of_labels(whose: Whose) -> &'static str {
    match whose {
        Whose::Namespaces => {
            "it may hang on labels of namespaces whose objects are not given: a selector asks for them"
        }
        Whose::Pods => {
            "it may hang on labels that controllers give to pods of templates, with values that nobody knows: a selector asks for them"
        }
        Whose::Snapshot => {
            "it may hang on labels of pods of the snapshot that have no Pod object beside it: a selector asks for them"
        }
        Whose::Nodes => {
            "it may hang on labels of nodes that are not given: a selector asks for them"
        }
    }
}

fn of_choice(choice: Choice) -> &'static str {
    match choice {
        Choice::Labels(whose) => of_labels(whose),
        Choice::NodeAddresses => {
            "it may hang on the addresses that nodes will get: a block of a policy holds some of them and not all"
        }
        Choice::EqualPriorities => {
            "it may hang on the order of several policies of equal priority, which Kubernetes does not define: give them priorities of their own"
        }
        Choice::TwoKinds => {
            "it may hang on whether an AdminNetworkPolicy (or BaselineAdminNetworkPolicy) or the ClusterNetworkPolicies of its tier are asked first, which is not defined: use one of the two kinds"
        }
        _ => {
            "it may hang on the addresses that pods will get: an ipBlock holds some of them and not all; give --pod-cidr"
        }
    }
}

/// Whether a constraint is none of the network model, which holds whatever policies say, since an ideal plugin enforces it.
pub(super) fn of_user(result: &CheckResult) -> bool {
    let number = result.id.strip_prefix("KP");
    let number = number.and_then(|n| n.parse::<u32>().ok());
    number.is_none_or(|n| n > 12)
}

/// Where the input holds something that the model does not cover and that can change who reaches whom, nothing is known
/// of messages; only who has which address, and who is behind which Service, is.
pub(super) fn cannot_say(cluster: &Cluster, results: &mut [CheckResult]) {
    let Some(first) = cluster.reading.unmodelled.first() else {
        return;
    };
    let count = cluster.reading.unmodelled.len();
    let more = if count > 1 {
        format!(" and {} more", count - 1)
    } else {
        String::new()
    };
    let about = |r: &&mut CheckResult| {
        !matches!(r.id.as_str(), "KP001" | "KP012")
            && matches!(r.verdict, Verdict::Proven | Verdict::Violated)
    };
    for result in results.iter_mut().filter(about) {
        let without = if result.verdict == Verdict::Proven {
            "proven"
        } else {
            "violated"
        };
        result.detail = format!(
            "an object of kind `{}`{more} can change who reaches whom and is not modelled; without it: {without}",
            first.kind
        );
        result.verdict = Verdict::Unknown;
        result.counterexample = None;
        result.depends_on.clear();
    }
}
