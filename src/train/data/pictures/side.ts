/** Height and width at which smiles and subjects are still seen in what is drawn; photographs are prepared larger. */
export const DRAWN_SIDE = 32;
