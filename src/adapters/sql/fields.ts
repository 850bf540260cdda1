import type { PixelSize } from "../../ports/image-provider.ts";

/** A column's value. */
type Cell = string | number | null;
type Cells = Readonly<Record<string, Cell>>;
type Columns<Name extends string, Of> = Readonly<Record<Name, Of>>;

/** How one property of a record is stored: in one column of its table, or in several. */
export interface Field<Value, Row> {
  readonly columns: readonly string[];
  readonly write: (value: Value) => Cells;
  readonly read: (row: Row) => Value;
}

/** How a record is stored: a field for each of its properties. {@link fieldsOf} makes them. */
export type Fields<Entity, Row> = { readonly [Name in keyof Entity]-?: Field<Entity[Name], Row> };
type ColumnOf<Given> = {
  [Name in keyof Given]: Given[Name] extends { readonly read: (row: infer Row) => unknown } ? keyof Row : never;
}[keyof Given];
type WithoutField<Row, Given> = Readonly<Record<Exclude<keyof Row, ColumnOf<Given>>, "this column has no field">>;

/**
 * Returns a function that accepts the fields of a record and returns them unchanged. It makes the compiler find a
 * property without a field, a field without a column, a column without a field, and a nullable column for a property
 * that cannot be `undefined`.
 */
export function fieldsOf<Entity, Row>() {
  return <Given extends Fields<Entity, Row>>(fields: Given & WithoutField<Row, Given>): Fields<Entity, Row> => fields;
}

/** A value in one column. */
export function oneColumn<Value, Name extends string, Of extends Cell>(
  name: Name,
  write: (value: Value) => Of,
  read: (cell: Of) => Value,
): Field<Value, Columns<Name, Of>> {
  return { columns: [name], write: (value) => ({ [name]: write(value) }), read: (row) => read(row[name]) };
}

/** Text without conversion, or one of several words. */
export function text<Value extends string, Name extends string>(name: Name): Field<Value, Columns<Name, string>> {
  return oneColumn<Value, Name, string>(
    name,
    (value) => value,
    (cell) => cell as Value,
  );
}

/** A whole number of at most 32 bits. */
export function integer<Name extends string>(name: Name): Field<number, Columns<Name, number>> {
  return oneColumn(
    name,
    (value: number) => value,
    (cell: number) => cell,
  );
}

/** A boolean, as 1 or 0. */
export function flag<Name extends string>(name: Name): Field<boolean, Columns<Name, number>> {
  return oneColumn(name, Number, Boolean);
}

/** A time, in milliseconds since 1970 UTC. */
export function time<Name extends string>(name: Name): Field<Date, Columns<Name, number>> {
  return oneColumn(
    name,
    (value: Date) => value.getTime(),
    (cell: number) => new Date(Number(cell)),
  );
}

/** A nested value, as JSON text. */
export function json<Value, Name extends string>(name: Name): Field<Value, Columns<Name, string>> {
  return oneColumn<Value, Name, string>(name, JSON.stringify, JSON.parse);
}

/** A width and a height, each in its column. */
export function pixelSize<Width extends string, Height extends string>(
  width: Width,
  height: Height,
): Field<PixelSize, Columns<Width | Height, number>> {
  return {
    columns: [width, height],
    write: (size) => ({ [width]: size.width, [height]: size.height }),
    read: (row) => ({ width: row[width], height: row[height] }),
  };
}

/** A property that may be `undefined`: its columns are then null. */
export function optional<Value, Row extends object>(
  field: Field<Value, Row>,
): Field<Value | undefined, { readonly [Name in keyof Row]: Row[Name] | null }> {
  const { columns, write, read } = field;
  const nulls = Object.fromEntries(columns.map((column) => [column, null]));
  return {
    columns,
    write: (value) => (value === undefined ? nulls : write(value)),
    read: (row) => (columns.some((name) => row[name as keyof Row] === null) ? undefined : read(row as Row)),
  };
}

/** Changes to some properties of a record; `undefined` removes an optional one. */
export type Changes<Entity> = {
  readonly [Name in keyof Entity]?: object extends Pick<Entity, Name> ? Entity[Name] | undefined : Entity[Name];
};

/** The columns of these properties. */
export function toColumns<Entity, Row>(fields: Fields<Entity, Row>, changes: Changes<Entity>): Partial<Row> {
  const row: Record<string, Cell> = {};
  for (const name of Object.keys(changes) as (keyof Entity)[]) {
    Object.assign(row, fields[name].write(changes[name] as Entity[keyof Entity]));
  }
  return row as Partial<Row>;
}

/** All columns of a record. Columns of absent properties are null. */
export function toRow<Entity, Row>(fields: Fields<Entity, Row>, entity: Entity): Row {
  const row: Record<string, Cell> = {};
  for (const name of Object.keys(fields) as (keyof Entity)[]) Object.assign(row, fields[name].write(entity[name]));
  return row as Row;
}

/** The record in a row, without properties that are `undefined`. */
export function fromRow<Entity, Row>(fields: Fields<Entity, Row>, row: Row): Entity {
  const entity: Partial<Entity> = {};
  for (const name of Object.keys(fields) as (keyof Entity)[]) {
    const value = fields[name].read(row);
    if (value !== undefined) entity[name] = value;
  }
  return entity as Entity;
}
