/** Where the proof can be damaged: every point of a source file, with the texts that may stand in its place. */

import ts from 'typescript';

/** One expression, and what it may be replaced by, one mutant for each. */
export interface Point {
  readonly start: number;
  readonly end: number;
  readonly line: number;
  /** The innermost function with a name around it; empty at the top of a module. */
  readonly within: string;
  /** Evaluated when the module is loaded: its mutants need a module of their own. */
  readonly atLoad: boolean;
  readonly original: string;
  readonly variants: readonly string[];
}

const BOUNDARY: Readonly<Record<string, string>> = { '<': '<=', '<=': '<', '>': '>=', '>=': '>' };
const COMPARISONS = new Set(['<', '<=', '>', '>=', '===', '!==']);

/** A rounding outwards and the plain operation it could be confused with. */
const PLAIN: Readonly<Record<string, (args: readonly string[]) => string>> = {
  up: ([x]) => `(${x})`,
  down: ([x]) => `(${x})`,
  addUp: ([a, b]) => `((${a}) + (${b}))`,
  mulUp: ([a, b]) => `((${a}) * (${b}))`,
  divUp: ([a, b]) => `((${a}) / (${b}))`,
  sqrtUp: ([x]) => `Math.sqrt(${x})`,
  hypotUp: ([a, b]) => `Math.hypot(${a}, ${b})`,
  ceilToFloat32: ([x]) => `Math.fround(${x})`,
  floorToFloat32: ([x]) => `Math.fround(${x})`,
  gamma32: ([n]) => `gamma32((${n}) / 2)`,
  gamma64: ([n]) => `gamma64((${n}) / 2)`,
};

/** Calls whose every argument counts: each mutant forgets one. */
const TERMS = new Set(['sum', 'addUp', 'mulUp', 'hypotUp', 'quadrature']);

/** Calls for their effect that hold something: a mutant leaves them out. */
const CHECK = /^(check|limit|require|refuse|spend|ensure|assert)/;

/** Checks whose first argument is what must hold. */
const CONDITION_FIRST = new Set(['check', 'hold']);

const SWAPPED: Readonly<Record<string, string>> = { some: 'every', every: 'some' };

function calleeName(call: ts.CallExpression): string {
  const { expression } = call;
  if (ts.isIdentifier(expression)) return expression.text;
  return ts.isPropertyAccessExpression(expression) ? expression.name.text : '';
}

/** `Math.f` of a call to it, else the empty string. */
function mathFunction({ expression }: ts.CallExpression): string {
  const isMath = ts.isPropertyAccessExpression(expression) && expression.expression.getText() === 'Math';
  return isMath ? expression.name.text : '';
}

const REFUSALS = new Set(['fail', 'refuse']);

/** Error texts are no part of the proof: what refuses by name is not entered. */
function isRefusal(node: ts.Node): boolean {
  if (ts.isFunctionDeclaration(node)) return REFUSALS.has(node.name?.text ?? '');
  if (ts.isCallExpression(node)) return REFUSALS.has(calleeName(node));
  return ts.isNewExpression(node) && node.expression.getText().endsWith('Error');
}

function isCondition(node: ts.Node): boolean {
  const { parent } = node;
  if (ts.isIfStatement(parent) || ts.isWhileStatement(parent)) return parent.expression === node;
  if (ts.isConditionalExpression(parent)) return parent.condition === node;
  return false;
}

function isLoopCondition(node: ts.Node): boolean {
  return ts.isForStatement(node.parent) && node.parent.condition === node;
}

function isNumber(node: ts.Node): node is ts.NumericLiteral {
  return ts.isNumericLiteral(node);
}

function isText(node: ts.Node): boolean {
  return ts.isStringLiteralLike(node) || ts.isTemplateExpression(node);
}

/** Of a comparison: its neighbour at the boundary, and both constants. A loop that never ends is left out. */
function ofComparison(node: ts.BinaryExpression, operator: string): string[] {
  const [left, right] = [node.left.getText(), node.right.getText()];
  const boundary = BOUNDARY[operator];
  const near = boundary === undefined ? [] : [`${left} ${boundary} ${right}`];
  if (isLoopCondition(node)) return [...near, 'false'];
  return [...near, 'true', 'false'];
}

/** Of a power of two: below 1 it is an error term or a tolerance, above it a limit. */
function ofPower(node: ts.BinaryExpression): string[] {
  if (!isNumber(node.left)) return [];
  const exponent = node.right.getText();
  return exponent.startsWith('-') ? ['0'] : [`${node.left.text} ** (${exponent} + 1)`];
}

/** Whether the node stands in square brackets: a wrong index is no condition of the proof. */
function isIndex(node: ts.Node): boolean {
  for (let inner = node; inner.parent !== undefined; inner = inner.parent) {
    const { parent } = inner;
    if (ts.isElementAccessExpression(parent) && parent.argumentExpression === inner) return true;
    if (!ts.isBinaryExpression(parent) && !ts.isParenthesizedExpression(parent)) return false;
  }
  return false;
}

function ofBinary(node: ts.BinaryExpression): string[] {
  const operator = node.operatorToken.getText();
  const [left, right] = [node.left.getText(), node.right.getText()];
  if (COMPARISONS.has(operator)) return ofComparison(node, operator);
  if (operator === '&&' || operator === '||') return [left, right];
  if (operator === '??') return isRefusal(node.right) ? [left] : [left, right];
  if (operator === '**') return ofPower(node);
  if (isIndex(node) || isText(node.left) || isText(node.right)) return [];
  if (operator === '+') return [left, right];
  if (operator === '-') return [left];
  if (operator === '*') return [...(isNumber(node.left) ? [right] : []), ...(isNumber(node.right) ? [left] : [])];
  return operator === '/' && isNumber(node.right) ? [left] : [];
}

function ofMath(name: string, args: readonly ts.Expression[]): string[] {
  const texts = args.map((arg) => arg.getText());
  if (name === 'abs') return [`(${texts[0]})`];
  if (name === 'floor') return [`Math.ceil(${texts[0]})`];
  if (name === 'ceil') return [`Math.floor(${texts[0]})`];
  if (name !== 'max' && name !== 'min') return [];
  const other = name === 'max' ? 'min' : 'max';
  return args.some(ts.isSpreadElement) ? [`Math.${other}(${texts})`] : texts.map((text) => `(${text})`);
}

function ofCall(node: ts.CallExpression): string[] {
  const math = mathFunction(node);
  if (math !== '') return ofMath(math, node.arguments);
  const name = calleeName(node);
  const texts = node.arguments.map((arg) => arg.getText());
  const callee = node.expression.getText();
  const variants: string[] = [];
  if (Object.hasOwn(PLAIN, name) && texts.length > 0) variants.push(PLAIN[name]!(texts));
  if (name === 'gamma32' || name === 'gamma64') variants.push('0');
  if (TERMS.has(name) && texts.length > 1) {
    const forgotten = texts.map((_, i) => texts.filter((_, j) => j !== i));
    variants.push(...forgotten.map((rest) => (rest.length === 1 ? `(${rest[0]})` : `${callee}(${rest.join(', ')})`)));
  }
  if (name === 'scale' && texts.length === 2) variants.push(`(${texts[1]})`);
  if (Object.hasOwn(SWAPPED, name) && ts.isPropertyAccessExpression(node.expression)) {
    variants.push(`${node.expression.expression.getText()}.${SWAPPED[name]}(${texts.join(', ')})`);
  }
  if (CHECK.test(name) && name !== 'refuse' && ts.isExpressionStatement(node.parent)) variants.push('undefined');
  return variants;
}

/** `const NAME = 8` at the top of a module: a constant of the proof. */
function isNamedConstant(node: ts.Node): boolean {
  const { parent } = node;
  return isNumber(node) && ts.isVariableDeclaration(parent) && ts.isSourceFile(parent.parent.parent.parent);
}

function variantsOf(node: ts.Node): string[] {
  const variants: string[] = [];
  if (ts.isBinaryExpression(node)) variants.push(...ofBinary(node));
  else if (ts.isCallExpression(node)) variants.push(...ofCall(node));
  else if (isNamedConstant(node)) variants.push('0');
  if (ts.isExpression(node) && isCondition(node)) variants.push('true', 'false');
  return [...new Set(variants)].filter((text) => text !== node.getText());
}

function nameOf(node: ts.Node): string | undefined {
  if ((ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node)) && node.name) return node.name.getText();
  if (ts.isArrowFunction(node) && ts.isVariableDeclaration(node.parent)) return node.parent.name.getText();
  return undefined;
}

/** All points of a file, outer ones before those inside them. */
export function pointsOf(fileName: string, text: string): Point[] {
  const source = ts.createSourceFile(fileName, text, ts.ScriptTarget.Latest, true);
  const points: Point[] = [];
  const visit = (node: ts.Node, within: string, atLoad: boolean): void => {
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return;
    if (ts.isImportDeclaration(node) || isRefusal(node)) return;
    const variants = variantsOf(node);
    if (variants.length > 0) {
      const start = node.getStart(source);
      const line = source.getLineAndCharacterOfPosition(start).line + 1;
      points.push({ start, end: node.end, line, within, atLoad, original: node.getText(), variants });
    }
    const name = nameOf(node) ?? within;
    const inside = atLoad && !ts.isFunctionLike(node);
    // Behind the condition of a check are the words of its error.
    const isCheck = ts.isCallExpression(node) && CONDITION_FIRST.has(calleeName(node));
    if (isCheck) visit(node.arguments[0]!, name, inside);
    else node.forEachChild((child) => visit(child, name, inside));
  };
  visit(source, '', true);
  return points;
}
