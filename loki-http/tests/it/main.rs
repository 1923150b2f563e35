//! The server over sockets, with a real engine behind it.

mod delete;
mod explore;
mod push;
mod query;
mod routing;
mod rules;
mod status;
mod stop;
mod suite;
mod support;
mod tail;
