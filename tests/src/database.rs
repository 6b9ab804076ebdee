//! The database file of a dashboard, opened beside it: for what no request can bring about, such as
//! a session that was used long ago, and for looking at what is really stored.

use std::path::PathBuf;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types;

use crate::Dashboard;

/// The database file of one dashboard.
#[derive(Clone, Debug)]
pub struct Database {
    path: PathBuf,
}

/// A transaction that never comes to anything, for as long as it lives.
pub struct Lock(#[expect(dead_code, reason = "what counts is that it is open")] SqliteConnection);

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = sql_types::Text)]
    text: String,
}

impl Database {
    /// The database of this dashboard, which may be running.
    #[must_use]
    pub fn of(dashboard: &Dashboard) -> Self {
        Self {
            path: dashboard.setup().data_dir().join("server-scout.db"),
        }
    }

    /// Runs statements.
    pub fn execute(&self, statements: &str) {
        self.open()
            .batch_execute(statements)
            .unwrap_or_else(|error| panic!("{error}: {statements}"));
    }

    /// Keeps everybody else from writing until the lock is dropped.
    #[must_use]
    pub fn lock(&self) -> Lock {
        let mut connection = self.open();
        connection
            .batch_execute("BEGIN IMMEDIATE")
            .expect("the database can be locked");
        Lock(connection)
    }

    /// The column `text` of every row that a query finds.
    #[must_use]
    pub fn texts(&self, query: &str) -> Vec<String> {
        let lines: Vec<Line> = diesel::sql_query(query)
            .load(&mut self.open())
            .unwrap_or_else(|error| panic!("{error}: {query}"));
        lines.into_iter().map(|line| line.text).collect()
    }

    /// Whether a table has a column.
    fn has_column(&self, table: &str, column: &str) -> bool {
        self.columns(table).iter().any(|name| name == column)
    }

    /// All that is stored of an organisation, by table: every row of every table that names its
    /// organisation, but for the columns in `apart`.
    #[must_use]
    pub fn of_organisation(&self, id: i64, apart: &[&str]) -> Vec<String> {
        let mut rows = Vec::new();
        for table in self.texts(
            "SELECT name AS text FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        ) {
            let columns = self.columns(&table);
            let whose = match table.as_str() {
                "organisation" => "id",
                _ if columns.iter().any(|name| name == "organisation_id") => "organisation_id",
                _ => continue,
            };
            let quoted: Vec<String> = columns
                .iter()
                .filter(|name| !apart.contains(&name.as_str()))
                .map(|name| format!("quote(\"{name}\")"))
                .collect();
            let row = quoted.join(" || ' ' || ");
            rows.extend(self.texts(&format!(
                "SELECT '{table} ' || {row} AS text FROM \"{table}\" WHERE {whose} = {id} ORDER BY 1"
            )));
        }
        rows
    }

    /// The ids of everything that is stored of an organisation, and of its people, as they are shown.
    #[must_use]
    pub fn ids_of_organisation(&self, id: i64) -> Vec<String> {
        let mut ids = Vec::new();
        for table in self.texts(
            "SELECT DISTINCT m.name AS text FROM sqlite_schema m, pragma_table_info(m.name) p \
             WHERE m.type = 'table' AND p.name = 'organisation_id'",
        ) {
            for column in ["id", "person_id", "server_id"] {
                if self.has_column(&table, column) {
                    ids.extend(self.texts(&format!(
                        "SELECT DISTINCT printf('%016x', {column}) AS text FROM {table} \
                         WHERE organisation_id = {id} AND {column} > 0xffffffff"
                    )));
                }
            }
        }
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    fn columns(&self, table: &str) -> Vec<String> {
        self.texts(&format!(
            "SELECT name AS text FROM pragma_table_info('{table}')"
        ))
    }

    fn open(&self) -> SqliteConnection {
        let mut connection = SqliteConnection::establish(&self.path.display().to_string())
            .unwrap_or_else(|error| panic!("{}: {error}", self.path.display()));
        connection
            .batch_execute("PRAGMA busy_timeout = 20000; PRAGMA foreign_keys = ON;")
            .expect("a pragma can be set");
        connection
    }
}
