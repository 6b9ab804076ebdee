//! The routes beside the API, each declared with its principal: there is no other way to add one.

use std::collections::BTreeMap;
use std::fmt;

use poem::http::Method;
use poem::{Endpoint, Route, RouteMethod};

use super::App;
use super::guard::{Access, Guarded};

/// Routes and what is known of them.
pub(super) struct Routes {
    route: Route,
    table: Vec<DeclaredRoute>,
}

/// One method of one path, and who may use it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeclaredRoute {
    /// The method.
    pub method: Method,
    /// The path, `:name` for what varies.
    pub path: String,
    /// Who may use it, in words: `public`, `session`, `fresh session`, or the names of the API's
    /// security schemes.
    pub principal: String,
}

/// The methods of one path.
pub(super) struct Methods {
    route: RouteMethod,
    declared: Vec<(Method, Access)>,
}

/// Registers pages; each needs its principal.
pub(super) struct Declared<'a> {
    pub(super) app: &'a App,
}

impl Routes {
    pub(super) fn new() -> Self {
        Self {
            route: Route::new(),
            table: Vec::new(),
        }
    }

    /// Adds a path with its methods.
    pub(super) fn at(mut self, path: &str, methods: Methods) -> Self {
        for (method, access) in methods.declared {
            self.table.push(DeclaredRoute {
                method,
                path: path.to_owned(),
                principal: access.as_str().to_owned(),
            });
        }
        self.route = self.route.at(path, methods.route);
        self
    }

    /// The routes, and the table of what was declared.
    pub(super) fn into_parts(self) -> (Route, Vec<DeclaredRoute>) {
        (self.route, self.table)
    }
}

impl Declared<'_> {
    pub(super) fn guard<E: Endpoint + 'static>(&self, access: Access, page: E) -> Guarded<E> {
        Guarded::new(self.app, access, page)
    }

    pub(super) fn get<E: Endpoint + 'static>(&self, access: Access, page: E) -> Methods {
        Methods {
            route: RouteMethod::new().get(self.guard(access, page)),
            declared: vec![(Method::GET, access)],
        }
    }

    pub(super) fn post<E: Endpoint + 'static>(&self, access: Access, page: E) -> Methods {
        Methods {
            route: RouteMethod::new(),
            declared: Vec::new(),
        }
        .post(self.guard(access, page))
    }
}

impl Methods {
    pub(super) fn post<E: Endpoint + 'static>(mut self, page: Guarded<E>) -> Self {
        self.declared.push((Method::POST, page.access()));
        self.route = self.route.post(page);
        self
    }
}

impl fmt::Display for DeclaredRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.method, self.path, self.principal)
    }
}

/// A path without the names of what varies: the framework has its own for them.
pub(super) fn shape(path: &str) -> String {
    let segments = path.split('/');
    let shapes = segments.map(|segment| {
        if segment.starts_with(':') {
            ":"
        } else {
            segment
        }
    });
    shapes.collect::<Vec<_>>().join("/")
}

/// The methods that each shape of a path knows, as `Allow` names them (RFC 9110 section 10.2.1).
pub(super) fn allowed(table: &[DeclaredRoute]) -> BTreeMap<String, String> {
    let mut allowed: BTreeMap<String, String> = BTreeMap::new();
    for route in table {
        let methods = allowed.entry(shape(&route.path)).or_default();
        if !methods.is_empty() {
            methods.push_str(", ");
        }
        methods.push_str(route.method.as_str());
        // What can be got can be asked for its head alone.
        if route.method == Method::GET {
            methods.push_str(", HEAD");
        }
    }
    allowed
}
