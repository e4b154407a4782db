//! [`Things`] in SQL.

use super::statements::{Doing as _, Session, bytes, int};
use crate::storage::{Belonging, Entity, Id, Kind, Result, Space, StorageError, Things};
use rusqlite::{Row, params};
use usher_domain::time::UnixMillis;

fn read_entity(kind: Kind) -> impl Fn(&Row<'_>) -> rusqlite::Result<Entity> {
    move |row| {
        Ok(Entity {
            kind,
            id: bytes(row, 0)?,
            parent: bytes(row, 1)?,
            slug: row.get(2)?,
            body: row.get(3)?,
        })
    }
}

impl Things for Session<'_> {
    fn entity(&self, kind: Kind, id: &Id) -> Result<Option<Entity>> {
        self.first(
            "SELECT id, parent, slug, body FROM entity WHERE id = ?1 AND kind = ?2",
            params![id, kind as u8],
            "reading a thing",
            read_entity(kind),
        )
    }

    fn entity_named(&self, kind: Kind, parent: &Id, slug: &str) -> Result<Option<Entity>> {
        self.first(
            "SELECT id, parent, slug, body FROM entity WHERE kind = ?1 AND parent = ?2 AND slug = ?3",
            params![kind as u8, parent, slug],
            "reading a thing by name",
            read_entity(kind),
        )
    }

    fn entities(
        &self,
        kind: Kind,
        parent: &Id,
        after: Option<&Id>,
        limit: u32,
    ) -> Result<Vec<Entity>> {
        // An empty blob is before every id.
        let after = after.map_or(&[] as &[u8], |id| id);
        self.all(
            "SELECT id, parent, slug, body FROM entity
             WHERE kind = ?1 AND parent = ?2 AND id > ?3 ORDER BY id LIMIT ?4",
            params![kind as u8, parent, after, limit],
            "listing things",
            read_entity(kind),
        )
    }

    fn belonging(&self, id: &Id) -> Result<Option<Belonging>> {
        self.first(
            "SELECT kind, parent FROM entity WHERE id = ?1",
            params![id],
            "reading what a thing belongs to",
            |row| {
                Ok(Belonging {
                    kind: row.get(0)?,
                    parent: bytes(row, 1)?,
                })
            },
        )
    }

    fn put_entity(&mut self, entity: &Entity) -> Result<()> {
        let doing = "writing a thing";
        let written = self.execute(
            "INSERT INTO entity (id, kind, parent, slug, body) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (id) DO UPDATE SET slug = excluded.slug, body = excluded.body
                WHERE kind = excluded.kind AND parent = excluded.parent",
            params![
                entity.id,
                entity.kind as u8,
                entity.parent,
                entity.slug,
                entity.body
            ],
            doing,
        )?;
        if written == 0 {
            return Err(StorageError::OtherOwner { doing });
        }
        Ok(())
    }

    fn value(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.first(
            "SELECT value FROM value WHERE space = ?1 AND key = ?2",
            params![space as u8, key],
            "reading a value",
            |row| row.get(0),
        )
    }

    fn put_value(&mut self, space: Space, key: &[u8], value: &[u8], at: UnixMillis) -> Result<()> {
        let doing = "writing a value";
        self.execute(
            "INSERT INTO value (space, key, value, at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (space, key) DO UPDATE SET value = excluded.value, at = excluded.at",
            params![space as u8, key, value, int(at.get(), doing)?],
            doing,
        )
        .map(drop)
    }

    fn forget_values(&mut self, space: Space, before: UnixMillis) -> Result<()> {
        let doing = "forgetting values";
        let mut statement =
            self.statement("DELETE FROM value WHERE space = ?1 AND at < ?2", doing)?;
        statement
            .execute(params![space as u8, int(before.get(), doing)?])
            .doing(doing)
            .map(drop)
    }
}
