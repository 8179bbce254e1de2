/** A step whose recording does not show what was open or under way before it. Thrown inside replayers, which skip it. */
export class Unclear extends Error {}
