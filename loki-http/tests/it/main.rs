//! The server over sockets, with a real engine behind it.

mod cancel;
mod connections;
mod cors;
mod delete;
mod documents;
mod explore;
mod hostile;
mod push;
mod query;
mod receiver;
mod routing;
mod rules;
mod status;
mod stop;
mod suite;
mod support;
mod tail;
mod tenancy;
mod tls;
