//! Rule groups: `/loki/api/v1/rules…` and its aliases; `/prometheus/api/v1/rules` and `/prometheus/api/v1/alerts`.

use crate::body;
use crate::context::{Context, Lane};
use crate::encode;
use crate::params::Params;
use crate::respond::{self, Failure, TEXT};
use crate::rules;
use axum::extract::{Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use loki_core::{Engine, ErrorKind, RuleGroup, TenantId};
use std::collections::BTreeMap;
use std::path::PathBuf;

const YAML: &str = "application/yaml";

/// All groups of a tenant.
pub(crate) async fn all(State(context): State<Context>, request: Request) -> Result<Response, Failure> {
    let tenant = context.tenant(request.headers()).map_err(Failure::line)?;
    let params = Params::parse(b"", request.uri().query().unwrap_or_default())?;
    let ruler = &context.settings().ruler;
    let mut found = match ruler.rule_folder.clone().filter(|_| ruler.files_only) {
        None => context.engine().rule_groups(&tenant, None).map_err(line)?,
        Some(folder) => in_files(&context, folder, tenant).await?,
    };
    if let Some(wanted) = params.value("labels") {
        keep_labelled(&mut found, wanted);
    }
    Ok(respond::ok(YAML, rules::write_namespaces(&found)))
}

/// The groups of a namespace; a `POST` sets one, a `DELETE` removes all.
pub(crate) async fn namespace(
    State(context): State<Context>,
    Path(namespace): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let tenant = context.tenant(request.headers()).map_err(Failure::line)?;
    check_kept(
        &context,
        match *request.method() {
            Method::GET => "GetRuleGroup",
            Method::POST => "SetRuleGroup",
            _ => "DeleteNamespace",
        },
    )?;
    match *request.method() {
        Method::GET => {
            let found = context.engine().rule_groups(&tenant, Some(&namespace)).map_err(line)?;
            Ok(respond::ok(YAML, rules::write_namespaces(&found)))
        }
        Method::POST => {
            let (parts, body) = request.into_parts();
            let body = body::read(&parts.headers, body, context.form_bounds()).await?;
            // A group of megabytes takes seconds to read.
            let group = context
                .blocking(Lane::Push, move |_| {
                    rules::read_group(&body).map_err(|error| Failure::bad_request(error.to_string()))
                })
                .await
                .map_err(Failure::line)?;
            change(&context, move |engine| {
                engine.set_rule_group(&tenant, &namespace, &group)
            })
            .await
        }
        _ => {
            change(&context, move |engine| {
                engine.remove_rule_namespace(&tenant, &namespace)
            })
            .await
        }
    }
}

/// One group; a `DELETE` removes it.
pub(crate) async fn group(
    State(context): State<Context>,
    Path((namespace, group)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let tenant = context.tenant(request.headers()).map_err(Failure::line)?;
    let is_removal = *request.method() == Method::DELETE;
    check_kept(&context, if is_removal { "DeleteRuleGroup" } else { "GetRuleGroup" })?;
    if is_removal {
        return change(&context, move |engine| {
            match engine.remove_rule_group(&tenant, &namespace, &group) {
                // Gone is gone: Loki's file store answers so, too.
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                done => done,
            }
        })
        .await;
    }
    let found = context.engine().rule_group(&tenant, &namespace, &group).map_err(line)?;
    Ok(respond::ok(YAML, rules::write_group(&found)))
}

/// The groups of all tenants.
pub(crate) async fn everybodys(State(context): State<Context>) -> Result<Response, Failure> {
    let all = context.engine().all_rule_groups()?;
    Ok(respond::ok(YAML, rules::write_tenants(&all)))
}

/// Removes all groups of a tenant, where it has any.
pub(crate) async fn remove_tenant(State(context): State<Context>, headers: HeaderMap) -> Result<Response, Failure> {
    let tenant = context.tenant(&headers).map_err(Failure::line)?;
    check_kept(&context, "DeleteTenantConfiguration")?;
    context
        .blocking(Lane::Push, move |engine| Ok(engine.remove_rules(&tenant)?))
        .await
        .map_err(Failure::line)?;
    Ok(StatusCode::OK.into_response())
}

/// What the rules have come to.
pub(crate) async fn status(State(context): State<Context>, request: Request) -> Result<Response, Failure> {
    let tenant = context.tenant(request.headers()).map_err(Failure::line)?;
    let params = Params::parse(b"", request.uri().query().unwrap_or_default())?;
    let wants_alerts = match params.value("type") {
        None => None,
        Some("alert") => Some(true),
        Some("record") => Some(false),
        Some(other) => {
            let problem = encode::rules_problem(&format!("not supported value {}", serde_json::Value::from(other)));
            let content_type = HeaderValue::from_static(TEXT);
            return Ok((StatusCode::BAD_REQUEST, [(CONTENT_TYPE, content_type)], problem).into_response());
        }
    };
    let mut groups = context.engine().rules(&tenant)?;
    let is_wanted = |name: &str, value: &str| {
        let mut wanted = params.values(name).peekable();
        wanted.peek().is_none() || wanted.any(|wanted| wanted == value)
    };
    groups.retain(|group| is_wanted("file", &group.namespace) && is_wanted("rule_group", &group.name));
    for group in &mut groups {
        group.rules.retain(|status| {
            let kind = wants_alerts.is_none_or(|alert| alert == status.rule.is_alert());
            kind && is_wanted("rule_name", status.rule.name())
        });
    }
    let is_filtered = wants_alerts.is_some() || params.value("rule_name").is_some();
    groups.retain(|group| !is_filtered || !group.rules.is_empty());
    Ok(respond::ok("application/json", encode::rule_groups(&groups)))
}

/// The alerts that are pending or fire.
pub(crate) async fn alerts(State(context): State<Context>, headers: HeaderMap) -> Result<Response, Failure> {
    let tenant = context.tenant(&headers).map_err(Failure::line)?;
    let groups = context.engine().rules(&tenant)?;
    Ok(respond::ok("application/json", encode::alerts(&groups)))
}

async fn change<F>(context: &Context, work: F) -> Result<Response, Failure>
where
    F: FnOnce(&Engine) -> Result<(), loki_core::Error> + Send + 'static,
{
    context
        .blocking(Lane::Push, move |engine| Ok(work(engine)?))
        .await
        .map_err(Failure::line)?;
    let content_type = HeaderValue::from_static("application/json");
    Ok((
        StatusCode::ACCEPTED,
        [(CONTENT_TYPE, content_type)],
        encode::rules_changed(),
    )
        .into_response())
}

/// Refuses what cannot be done with rule files, in Loki's words.
fn check_kept(context: &Context, call: &str) -> Result<(), Failure> {
    match context.settings().ruler.files_only {
        false => Ok(()),
        true => Err(Failure::bad_request(format!("{call} unsupported in rule local store")).line()),
    }
}

/// The groups of a tenant's files, as they are now.
async fn in_files(
    context: &Context,
    folder: PathBuf,
    tenant: TenantId,
) -> Result<BTreeMap<String, Vec<RuleGroup>>, Failure> {
    let reading =
        move |_: &Engine| rules::read_tenant(&folder, &tenant).map_err(|e| Failure::bad_request(e.to_string()));
    let found = context.blocking(Lane::Push, reading).await.map_err(Failure::line)?;
    match found.is_empty() {
        true => Err(line(loki_core::Error::new(ErrorKind::NotFound, "no rule groups found"))),
        false => Ok(found),
    }
}

fn line(error: loki_core::Error) -> Failure {
    Failure::from(error).line()
}

/// Keeps the rules that have all labels of `wanted`: `name:value,name:value`.
fn keep_labelled(namespaces: &mut BTreeMap<String, Vec<RuleGroup>>, wanted: &str) {
    let pairs: Vec<(&str, &str)> = wanted.split(',').filter_map(|pair| pair.split_once(':')).collect();
    for groups in namespaces.values_mut() {
        for group in groups.iter_mut() {
            group.rules.retain(|rule| {
                pairs
                    .iter()
                    .all(|(name, value)| rule.labels.get(*name).is_some_and(|known| known == value))
            });
        }
        groups.retain(|group| !group.rules.is_empty());
    }
    namespaces.retain(|_, groups| !groups.is_empty());
}
