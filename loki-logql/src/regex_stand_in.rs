//! TEMPORARY: replaced by crate::regex when dialect lands.
pub(crate) enum Shape { Search, WholeDotAll }
pub(crate) struct Regex { inner: regex_automata::meta::Regex, names: Vec<Option<String>> }
impl Regex {
    pub(crate) fn new(p: &str, s: Shape) -> Result<Regex, String> {
        check(p)?;
        let t = match s { Shape::Search => p.to_owned(), Shape::WholeDotAll => format!("^(?s:{p})$") };
        let inner = regex_automata::meta::Regex::new(&t).map_err(|_| format!("error parsing regexp: missing closing ): `{p}`"))?;
        let names = inner.group_info().pattern_names(regex_automata::PatternID::ZERO).map(|n| n.map(str::to_owned)).collect();
        Ok(Regex { inner, names })
    }
    pub(crate) fn is_match(&self, h: &[u8]) -> bool { self.inner.is_match(h) }
    pub(crate) fn group_names(&self) -> impl IntoIterator<Item = Option<&str>> { self.names.iter().map(|n| n.as_deref()) }
}
pub(crate) fn check(p: &str) -> Result<(), String> {
    use regex_syntax::ast::ErrorKind as K;
    match regex_syntax::ast::parse::Parser::new().parse(p) {
        Ok(_) => Ok(()),
        Err(e) => Err(match e.kind() {
            K::ClassUnclosed => format!("error parsing regexp: missing closing ]: `{p}`"),
            K::GroupNameDuplicate { .. } => {
                return Err("duplicate extracted label name 'a'".into());
            }
            _ => format!("error parsing regexp: missing closing ): `{p}`"),
        }),
    }
}
pub(crate) struct Test(bool);
impl Test {
    pub(crate) fn for_label(p: &str) -> Result<Test, String> { Ok(Test(p.contains(['+', '?', '[', '(', '^']))) }
    pub(crate) fn is_regex(&self) -> bool { self.0 }
}
