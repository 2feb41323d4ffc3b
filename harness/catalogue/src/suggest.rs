//! "Did you mean ...?" by edit distance.

/// The closest of `known` to `name`, if it is close enough to be a slip.
pub fn closest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(2);
    let folded = name.to_lowercase().replace('_', "-");
    known
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&folded, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.chars().count().max(2))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A hint for a name that is not among `known`: the closest one, else the list if it is short.
pub(crate) fn help<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(candidate) = closest(name, known.iter().copied()) {
        return Some(format!("did you mean `{candidate}`?"));
    }
    match known.as_slice() {
        [] => None,
        few if few.len() <= 16 => Some(format!("known: {}", list(few))),
        many => Some(format!("known: {}, and {} more", list(&many[..12]), many.len() - 12)),
    }
}

/// `` `a`, `b`, `c` ``.
pub(crate) fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        assert_eq!(closest("tranport", ["transport", "route"]), Some("transport"));
        assert_eq!(closest("or_degraded", ["or-degraded"]), Some("or-degraded"));
        assert_eq!(closest("x", ["at"]), None);
        assert_eq!(closest("banana", ["transport", "route"]), None);
    }
}
