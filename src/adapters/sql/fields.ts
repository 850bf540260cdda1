import type { PixelSize } from "../../ports/image-provider.ts";

/** A column's value. */
type Cell = string | number | null;
type Cells = Record<string, Cell>;
type Columns<Name extends string, Of> = Readonly<Record<Name, Of>>;

/** How one property of a record is stored: in one column of its table, or in several. */
export interface Field<Value, Row> {
  readonly columns: readonly string[];
  /** Sets the columns in a row. */
  readonly write: (value: Value, row: Cells) => void;
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
  return {
    columns: [name],
    write: (value, row) => {
      row[name] = write(value);
    },
    read: (row) => read(row[name]),
  };
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
    write: (size, row) => {
      row[width] = size.width;
      row[height] = size.height;
    },
    read: (row) => ({ width: row[width], height: row[height] }),
  };
}

/** A property that may be `undefined`: its columns are then null. */
export function optional<Value, Row extends object>(
  field: Field<Value, Row>,
): Field<Value | undefined, { readonly [Name in keyof Row]: Row[Name] | null }> {
  const { columns, write, read } = field;
  return {
    columns,
    write: (value, row) => {
      if (value !== undefined) write(value, row);
      else for (const column of columns) row[column] = null;
    },
    read: (row) => {
      for (const column of columns) if (row[column as keyof Row] === null) return undefined;
      return read(row as Row);
    },
  };
}

/** The columns of all properties. */
export function columnsOf<Entity, Row>(fields: Fields<Entity, Row>): readonly (keyof Row)[] {
  const all: readonly Field<never, never>[] = Object.values(fields);
  return all.flatMap(({ columns }) => columns as readonly (keyof Row)[]);
}

/** Changes to some properties of a record; `undefined` removes an optional one. */
export type Changes<Entity> = {
  readonly [Name in keyof Entity]?: object extends Pick<Entity, Name> ? Entity[Name] | undefined : Entity[Name];
};

/** The columns of these properties. */
export function toColumns<Entity, Row>(fields: Fields<Entity, Row>, changes: Changes<Entity>): Partial<Row> {
  const row: Cells = {};
  for (const name of Object.keys(changes) as (keyof Entity)[]) {
    fields[name].write(changes[name] as Entity[keyof Entity], row);
  }
  return row as Partial<Row>;
}

/** All columns of a record. Columns of absent properties are null. */
export function toRow<Entity, Row>(fields: Fields<Entity, Row>, entity: Entity): Row {
  const row: Cells = {};
  for (const name of Object.keys(fields) as (keyof Entity)[]) fields[name].write(entity[name], row);
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
