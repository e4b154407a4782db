//! What only a simulation may be built with: rules broken on purpose, chance that can be foretold, and
//! signatures that are not checked twice.

use cargo_metadata::Metadata;

/// Features that no program which serves anybody has.
const FEATURES: [&str; 3] = ["mutants", "memo", "simulation"];
/// Those of them that even the simulation has only when it is asked to.
const ON_REQUEST: [&str; 2] = ["mutants", "memo"];
/// The one package that may ask for them.
const SIMULATION: &str = "usher-tests";

/// Every way by which one of these features comes into a program unasked.
pub(super) fn breaches(metadata: &Metadata) -> Vec<String> {
    let mut breaches = Vec::new();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        for (feature, parts) in &package.features {
            let enables = parts.iter().any(|part| is_one(part));
            if enables && !may_enable(name, feature) {
                breaches.push(format!(
                    "{name}: its feature `{feature}` brings in what only the simulation may have"
                ));
            }
        }
        for used in &package.dependencies {
            let asks = used.features.iter().any(|feature| is_one(feature));
            if asks && name != SIMULATION {
                breaches.push(format!(
                    "{name} asks {} for what only the simulation may have",
                    used.name
                ));
            }
            let unasked = |feature: &&String| ON_REQUEST.contains(&feature.as_str());
            if let Some(feature) = used.features.iter().find(unasked) {
                breaches.push(format!(
                    "{name} switches on `{feature}` of {} without being asked",
                    used.name
                ));
            }
        }
    }
    breaches
}

fn is_one(part: &str) -> bool {
    let feature = part.rsplit('/').next().unwrap_or(part);
    FEATURES.contains(&feature)
}

/// A feature of the same name may pass itself on; no other, and above all not `default`.
fn may_enable(package: &str, feature: &str) -> bool {
    package == SIMULATION && ON_REQUEST.contains(&feature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_simulation_breaks_rules_and_only_when_it_is_asked() {
        assert!(is_one("usher-domain/mutants") && is_one("simulation") && !is_one("openapi"));
        assert!(may_enable("usher-tests", "mutants") && may_enable("usher-tests", "memo"));
        assert!(!may_enable("usher-tests", "default"));
        assert!(!may_enable("usher-server", "mutants"));
    }
}
